package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// probe asks the exchange about the account's key and decides whether it is
// taken: what it may do, and whose it is.
func (a *attempt) probe(ctx context.Context) (ledger.Outcome, *ledger.KeyFacts, *exchange.Error) {
	info, fault := a.account.Probe(ctx)
	if fault == nil {
		fault = a.refuseKey(info)
	}
	if fault != nil {
		return failure(a.job, a.explain(fault), false, time.Now()), nil, fault
	}
	return ledger.Outcome{Status: syncjob.Succeeded, AsOf: info.AsOf, RowsFetched: 1}, &ledger.KeyFacts{
		UID: info.UID, Mode: info.AccountMode, Permissions: info.Permissions, ExpiresAt: info.ExpiresAt,
		ParentUID: info.ParentUID, IsMaster: info.IsMaster, SubAccounts: a.subAccounts(ctx, info),
	}, nil
}

// subAccounts lists those of a master's key; nil if the key may not list them or
// is none. That does not keep the key from being taken: it reads its own account
// all the same.
func (a *attempt) subAccounts(ctx context.Context, info exchange.KeyInfo) []ledger.SubAccount {
	reader, ok := a.account.(exchange.SubAccountReader)
	if !ok || !info.IsMaster {
		return nil
	}
	list, fault := reader.SubAccounts(ctx)
	if fault != nil {
		a.log.WithFields(logrus.Fields{"error_class": fault.Class, "error_code": fault.Code}).
			Info("the sub-accounts of the key cannot be listed: " + fault.Message)
		return nil
	}
	found := make([]ledger.SubAccount, len(list))
	for i, sub := range list {
		found[i] = ledger.SubAccount{
			UID: sub.UID, Name: sub.Name, Status: sub.Status, Mode: sub.AccountMode, Remark: sub.Remark,
		}
	}
	return found
}

// Codes of a key that works and is not taken.
const (
	codeWriteKey = "key_can_write"
)

// refuseKey gives the reason not to take a key that the exchange accepts.
func (a *attempt) refuseKey(info exchange.KeyInfo) *exchange.Error {
	if a.job.ExchangeUID != "" && info.UID != a.job.ExchangeUID {
		return &exchange.Error{Class: exchange.Permission, Code: ledger.CodeOtherOwner, Message: fmt.Sprintf(
			"the key belongs to UID %s, but this account's data is of UID %s; add it as an account of its own",
			info.UID, a.job.ExchangeUID)}
	}
	if (info.CanTrade || info.CanWithdraw) && !a.job.AllowWrite {
		return &exchange.Error{Class: exchange.Permission, Code: codeWriteKey, Message: fmt.Sprintf(
			"the key can %s (permissions: %s); make a read-only key, or allow this one with --allow-write-key",
			powers(info), permissionList(info.Permissions))}
	}
	return nil
}

func powers(info exchange.KeyInfo) string {
	switch {
	case info.CanTrade && info.CanWithdraw:
		return "trade and withdraw"
	case info.CanWithdraw:
		return "withdraw"
	default:
		return "trade"
	}
}

func permissionList(permissions map[string][]string) string {
	var list []string
	for group, rights := range permissions {
		for _, right := range rights {
			list = append(list, group+"."+right)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// explain names the host of an exchange that could not be reached, because a
// wrong base URL shows in no other way.
func (a *attempt) explain(fault *exchange.Error) *exchange.Error {
	if fault.Class != exchange.Transient {
		return fault
	}
	explained := *fault
	explained.Message = strings.TrimSuffix(fmt.Sprintf("%s does not answer as it should: %s", a.job.BaseURL, fault.Message), ": ")
	return &explained
}

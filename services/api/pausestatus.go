package api

import (
	"context"
	"slices"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// addPauses adds the pauses in force and those to come, and marks the types that
// one in force stops. If one account was asked for, those that do not concern it
// are left out.
func addPauses(
	ctx context.Context, reads *ledger.Ledger, list []ledger.Account, narrow bool, out *controlv1.GetStatusResponse,
) error {
	pauses, err := reads.Pauses(ctx)
	if err != nil {
		return err
	}
	for _, p := range pauses {
		if narrow && !slices.ContainsFunc(list, func(a ledger.Account) bool { return concerns(p, a) }) {
			continue
		}
		out.Pauses = append(out.Pauses, pauseMessage(p))
		if p.InForce && p.Lane != string(syncjob.Backfill) {
			markPaused(p, list, out)
		}
	}
	return nil
}

// concerns reports whether a pause is about an account, or about its market.
func concerns(p ledger.Pause, a ledger.Account) bool {
	return (p.AccountID == "" || p.AccountID == a.ID) && (p.MarketID == "" || p.MarketID == a.MarketID) &&
		(p.Exchange == "" || p.Exchange == a.Exchange) && (p.Environment == "" || p.Environment == a.Environment)
}

func markPaused(p ledger.Pause, list []ledger.Account, out *controlv1.GetStatusResponse) {
	byID := map[string]ledger.Account{}
	for _, a := range list {
		byID[a.ID] = a
	}
	for _, state := range out.GetAccounts() {
		if !concerns(p, byID[state.GetAccount().GetId()]) {
			continue
		}
		for _, t := range state.GetTypes() {
			shared := syncjob.DataType(t.GetDataType()).Shared()
			if (p.DataType == "" || p.DataType == t.GetDataType()) && (p.AccountID == "" || !shared) {
				t.Paused = true
			}
		}
	}
}

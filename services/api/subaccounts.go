package api

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// ListSubAccounts implements AccountService.
func (s accounts) ListSubAccounts(
	ctx context.Context, req *controlv1.ListSubAccountsRequest,
) (*controlv1.ListSubAccountsResponse, error) {
	account, err := s.account(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	found, err := s.ledger.SubAccounts(ctx, account.ID)
	if err != nil {
		return nil, err
	}
	here, err := s.namesByUID(ctx, account.MarketID)
	if err != nil {
		return nil, err
	}
	out := &controlv1.ListSubAccountsResponse{Account: accountMessage(account), ListedAt: stamp(found.ListedAt)}
	for _, sub := range found.List {
		out.SubAccounts = append(out.SubAccounts, &controlv1.SubAccount{
			Uid: sub.UID, Name: sub.Name, Status: subStatus(sub.Status), AccountMode: sub.Mode, Remark: sub.Remark, Account: here[sub.UID],
		})
	}
	return out, nil
}

// subStatus says in a word what Bybit's number means (V5 query-sub-members); of
// an unknown one it gives the number.
func subStatus(sent string) string {
	switch sent {
	case "1":
		return "normal"
	case "2":
		return "login_banned"
	case "4":
		return "frozen"
	default:
		return sent
	}
}

// namesByUID says what the accounts of a market are called here.
func (a *API) namesByUID(ctx context.Context, marketID string) (map[string]string, error) {
	list, err := a.ledger.Accounts(ctx)
	named := map[string]string{}
	for _, account := range list {
		uid := account.ExchangeUID
		if uid == "" {
			uid = account.ExpectUID
		}
		if account.MarketID == marketID && uid != "" {
			named[uid] = account.Name
		}
	}
	return named, err
}

// newMarket is the market of an account that is added: its own, or that of the
// master whose sub-account it is.
func (s accounts) newMarket(ctx context.Context, req *controlv1.AddAccountRequest) (ledger.Market, error) {
	if err := checkUID(req.GetExpectedUid()); err != nil {
		return ledger.Market{}, err
	}
	if req.GetSubOf() == "" {
		base, err := s.baseURL(req.GetExchange(), req.GetEnvironment(), req.GetBaseUrl(), req.GetStandIn())
		return ledger.Market{Exchange: req.GetExchange(), Environment: req.GetEnvironment(), BaseURL: base}, err
	}
	if req.GetExchange() != "" || req.GetEnvironment() != "" || req.GetBaseUrl() != "" {
		return ledger.Market{}, badRequest("sub_of", "", errors.New("a sub-account is where its master is: leave exchange, environment and address out"))
	}
	if req.GetExpectedUid() == "" {
		return ledger.Market{}, badRequest("sub_of", "`alphapulse accounts subs "+req.GetSubOf()+"` lists them",
			errors.New("say which sub-account it is: its UID is missing"))
	}
	master, err := s.account(ctx, req.GetSubOf())
	if err != nil {
		return ledger.Market{}, err
	}
	return ledger.Market{Exchange: master.Exchange, Environment: master.Environment, BaseURL: master.BaseURL},
		s.checkSub(ctx, master, req.GetExpectedUid())
}

// checkSub refuses a UID that the master is known not to have. Where its
// sub-accounts were never listed nobody knows, and the probe decides.
func (s accounts) checkSub(ctx context.Context, master ledger.Account, uid string) error {
	if uid == master.ExchangeUID {
		return badRequest("uid", "", fmt.Errorf("UID %s is the master %q itself", uid, master.Name))
	}
	found, err := s.ledger.SubAccounts(ctx, master.ID)
	if err != nil || found.ListedAt == nil {
		return err
	}
	for _, sub := range found.List {
		if sub.UID == uid {
			return nil
		}
	}
	return problem(connect.CodeFailedPrecondition, fmt.Errorf("account %q has no sub-account of UID %s", master.Name, uid),
		&controlv1.Problem{
			Class: classAccountState, Reason: "no_such_sub_account", NextStep: fmt.Sprintf(
				"`alphapulse accounts subs %s` lists them; `alphapulse accounts test %[1]s` looks again", master.Name),
		})
}

func checkUID(uid string) error {
	if uid == "" || regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`).MatchString(uid) {
		return nil
	}
	return badRequest("uid", "copy it from the exchange", fmt.Errorf("%.70q is no UID", uid))
}

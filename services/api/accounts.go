package api

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// accounts is AccountService.
type accounts struct{ *API }

// AddAccount implements AccountService.
func (s accounts) AddAccount(
	ctx context.Context, req *controlv1.AddAccountRequest,
) (*controlv1.AddAccountResponse, error) {
	if err := checkName(req.GetName()); err != nil {
		return nil, err
	}
	market, err := s.newMarket(ctx, req)
	if err != nil {
		return nil, err
	}
	credentials, err := checkCredentials(req.GetApiKey(), req.GetApiSecret())
	if err != nil {
		return nil, err
	}
	account, run, err := s.ledger.AddAccount(ctx, ledger.NewAccount{
		Name:          req.GetName(),
		Market:        market,
		AllowWriteKey: req.GetAllowWriteKey(),
		ExpectUID:     req.GetExpectedUid(),
		Seal:          s.seal(credentials),
	})
	if err != nil {
		return nil, err
	}
	s.changed(account, "added").WithField("run_id", run.ID).Info("api: account added, its key is being probed")
	probe, err := s.withJobs(ctx, run)
	return &controlv1.AddAccountResponse{Account: accountMessage(account), Probe: probe}, err
}

func (a *API) seal(credentials vault.Credentials) func(string, int) ([]byte, error) {
	return func(accountID string, version int) ([]byte, error) {
		return a.deps.Sealer.Seal(accountID, version, credentials)
	}
}

// ListAccounts implements AccountService.
func (s accounts) ListAccounts(
	ctx context.Context, _ *controlv1.ListAccountsRequest,
) (*controlv1.ListAccountsResponse, error) {
	found, err := list(s.API, func(reads *ledger.Ledger, _ *postgres.DB) ([]ledger.Account, error) {
		return reads.Accounts(ctx)
	})
	if err != nil {
		return nil, err
	}
	out := &controlv1.ListAccountsResponse{}
	for _, account := range found {
		out.Accounts = append(out.Accounts, accountMessage(account))
	}
	return out, nil
}

// GetAccount implements AccountService.
func (s accounts) GetAccount(
	ctx context.Context, req *controlv1.GetAccountRequest,
) (*controlv1.GetAccountResponse, error) {
	account, err := s.account(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	return &controlv1.GetAccountResponse{Account: accountMessage(account)}, nil
}

// account finds the living account of a name.
func (a *API) account(ctx context.Context, name string) (ledger.Account, error) {
	if err := checkName(name); err != nil {
		return ledger.Account{}, err
	}
	account, err := a.ledger.AccountByName(ctx, name)
	if err != nil {
		return ledger.Account{}, noAccount(name, err)
	}
	return account, nil
}

// SetCadence implements AccountService.
func (s accounts) SetCadence(
	ctx context.Context, req *controlv1.SetCadenceRequest,
) (*controlv1.SetCadenceResponse, error) {
	types, err := checkTypes([]string{req.GetDataType()})
	if err != nil {
		return nil, err
	}
	if len(types) != 1 {
		return nil, badRequest("data_type", "", errors.New("a cadence is set for one data type at a time"))
	}
	every := req.GetEvery().AsDuration()
	if err := checkCadence(every); err != nil {
		return nil, err
	}
	account, err := s.account(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	subject := subjectOf(account, types[0])
	if err := s.ledger.SetCadence(ctx, subject, types[0], every); err != nil {
		return nil, err
	}
	concerned, err := s.sharing(ctx, account, types[0])
	s.changed(account, "cadence").WithField("data_type", types[0]).WithField("every", every.String()).
		Info("api: cadence changed")
	return &controlv1.SetCadenceResponse{Accounts: concerned}, err
}

// noAccount says what to do about a name that is not there.
func noAccount(name string, err error) error {
	if !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	return problem(connect.CodeNotFound, fmt.Errorf("there is no account %q", name), &controlv1.Problem{
		Class: classNotFound, Reason: "account_not_found",
		NextStep: "`alphapulse accounts list` shows those that exist",
	})
}

package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"
	"github.com/sirupsen/logrus"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// TestAccount implements AccountService.
func (s accounts) TestAccount(
	ctx context.Context, req *controlv1.TestAccountRequest,
) (*controlv1.TestAccountResponse, error) {
	account, err := s.account(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	if account.Status == ledger.AccountPaused {
		return nil, problem(connect.CodeFailedPrecondition,
			errors.New("the account is paused, and a passed probe would resume it"), &controlv1.Problem{
				Class: classAccountState, Reason: "account_paused", AccountStatus: string(account.Status),
				NextStep: "`alphapulse accounts resume " + account.Name + "` probes its key and starts it again",
			})
	}
	account, probe, err := s.probe(ctx, account)
	return &controlv1.TestAccountResponse{Account: accountMessage(account), Probe: probe}, err
}

// ResumeAccount implements AccountService. It probes, because a key may have
// been revoked meanwhile, and a mended IP list needs no new key
// (docs/protocol.md rule 27).
func (s accounts) ResumeAccount(
	ctx context.Context, req *controlv1.ResumeAccountRequest,
) (*controlv1.ResumeAccountResponse, error) {
	account, err := s.account(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	if account.Status == ledger.AccountActive {
		return &controlv1.ResumeAccountResponse{Account: accountMessage(account)}, nil
	}
	account, probe, err := s.probe(ctx, account)
	return &controlv1.ResumeAccountResponse{Account: accountMessage(account), Probe: probe}, err
}

func (a *API) probe(ctx context.Context, account ledger.Account) (ledger.Account, *controlv1.Run, error) {
	account, run, err := a.ledger.Probe(ctx, account.ID)
	if err != nil {
		return account, nil, err
	}
	a.changed(account, "probe").WithField("run_id", run.ID).Info("api: probe of the account's key started")
	probe, err := a.withJobs(ctx, run)
	return account, probe, err
}

// SetKey implements AccountService.
func (s accounts) SetKey(ctx context.Context, req *controlv1.SetKeyRequest) (*controlv1.SetKeyResponse, error) {
	credentials, err := checkCredentials(req.GetApiKey(), req.GetApiSecret())
	if err != nil {
		return nil, err
	}
	account, err := s.account(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	account, run, err := s.ledger.SetKey(ctx, account.ID, req.GetAllowWriteKey(), s.seal(credentials))
	if err != nil {
		return nil, err
	}
	s.changed(account, "set-key").WithField("run_id", run.ID).Info("api: new key stored, it is being probed")
	probe, err := s.withJobs(ctx, run)
	return &controlv1.SetKeyResponse{Account: accountMessage(account), Probe: probe}, err
}

// PauseAccount implements AccountService.
func (s accounts) PauseAccount(
	ctx context.Context, req *controlv1.PauseAccountRequest,
) (*controlv1.PauseAccountResponse, error) {
	if err := checkReason(req.GetReason()); err != nil {
		return nil, err
	}
	account, err := s.account(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	if err := s.ledger.PauseAccount(ctx, account.ID, req.GetReason()); err != nil {
		return nil, err
	}
	s.changed(account, "pause").Info("api: account paused, its open runs ended")
	account, err = s.ledger.Account(ctx, account.ID)
	return &controlv1.PauseAccountResponse{Account: accountMessage(account)}, err
}

// RemoveAccount implements AccountService.
func (s accounts) RemoveAccount(
	ctx context.Context, req *controlv1.RemoveAccountRequest,
) (*controlv1.RemoveAccountResponse, error) {
	account, err := s.account(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	if err := s.ledger.RemoveAccount(ctx, account.ID); err != nil {
		return nil, err
	}
	s.changed(account, "remove").Info("api: account removed, its runs ended and its data purged")
	account, err = s.ledger.Account(ctx, account.ID)
	return &controlv1.RemoveAccountResponse{Account: accountMessage(account)}, err
}

// changed is the log line of a change to an account.
func (a *API) changed(account ledger.Account, change string) *logrus.Entry {
	return a.log.WithFields(logrus.Fields{"account": account.Name, "account_id": account.ID, "change": change})
}

// subjectOf is whom a data type of an account belongs to.
func subjectOf(account ledger.Account, t syncjob.DataType) syncjob.Subject {
	if t.Shared() {
		return syncjob.Subject{Kind: syncjob.Market, ID: account.MarketID}
	}
	return syncjob.Subject{Kind: syncjob.Account, ID: account.ID}
}

// sharing counts the accounts that a change of a data type concerns.
func (a *API) sharing(ctx context.Context, account ledger.Account, t syncjob.DataType) (int32, error) {
	if !t.Shared() {
		return 1, nil
	}
	list, err := a.ledger.Accounts(ctx)
	var n int32
	for _, other := range list {
		if other.MarketID == account.MarketID {
			n++
		}
	}
	return n, err
}

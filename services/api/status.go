package api

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// status is StatusService.
type status struct{ *API }

// GetStatus implements StatusService.
func (s status) GetStatus(ctx context.Context, req *controlv1.GetStatusRequest) (*controlv1.GetStatusResponse, error) {
	return list(s.API, func(reads *ledger.Ledger, db *postgres.DB) (*controlv1.GetStatusResponse, error) {
		return s.read(ctx, req, reads, db)
	})
}

func (s status) read(
	ctx context.Context, req *controlv1.GetStatusRequest, reads *ledger.Ledger, db *postgres.DB,
) (*controlv1.GetStatusResponse, error) {
	out := &controlv1.GetStatusResponse{VaultKeyFingerprint: s.deps.Sealer.Fingerprint()}
	now, err := databaseTime(ctx, db)
	if err != nil {
		return nil, err
	}
	out.ReadAt = timestamppb.New(now)
	list, err := s.chosen(ctx, reads, req.GetAccount())
	if err != nil {
		return nil, err
	}
	if out.Accounts, err = states(ctx, reads, req.GetAccount(), list); err != nil {
		return nil, err
	}
	return out, surroundings(ctx, reads, list, req.GetAccount() != "", out)
}

// chosen are the accounts asked for. One account that is asked for by name may
// just have been added, so it is looked up in the primary.
func (a *API) chosen(ctx context.Context, reads *ledger.Ledger, name string) ([]ledger.Account, error) {
	if name == "" {
		return reads.Accounts(ctx)
	}
	account, err := a.account(ctx, name)
	return []ledger.Account{account}, err
}

func states(
	ctx context.Context, reads *ledger.Ledger, name string, list []ledger.Account,
) ([]*controlv1.AccountState, error) {
	fresh, err := reads.Freshness(ctx, name)
	if err != nil {
		return nil, err
	}
	unread, err := reads.UnreadScopes(ctx, name)
	if err != nil {
		return nil, err
	}
	byName := map[string]*controlv1.AccountState{}
	out := make([]*controlv1.AccountState, 0, len(list))
	for _, account := range list {
		state := &controlv1.AccountState{Account: accountMessage(account)}
		byName[account.Name] = state
		out = append(out, state)
	}
	types := map[[2]string]*controlv1.TypeState{}
	for _, f := range fresh {
		if state := byName[f.Account]; state != nil {
			t := typeMessage(f)
			state.Types = append(state.Types, t)
			types[[2]string{f.Account, f.DataType}] = t
		}
	}
	for _, u := range unread {
		if t := types[[2]string{u.Account, u.DataType}]; t != nil {
			t.UnreadScopes = append(t.UnreadScopes, &controlv1.UnreadScope{
				Scope: u.Scope, ErrorClass: u.Class, ErrorCode: u.Code, ErrorMessage: u.Message, At: stamp(u.At),
			})
		}
	}
	return out, addAttention(ctx, reads, name, byName, types)
}

// addAttention adds what is to be known of accounts beside their freshness.
func addAttention(
	ctx context.Context, reads *ledger.Ledger, name string, accounts map[string]*controlv1.AccountState,
	types map[[2]string]*controlv1.TypeState,
) error {
	byID := map[string]*controlv1.AccountState{}
	for _, state := range accounts {
		byID[state.GetAccount().GetId()] = state
	}
	found, err := reads.AttentionOf(ctx, name)
	if err != nil {
		return err
	}
	for _, a := range found {
		state := byID[a.AccountID]
		if state == nil {
			continue
		}
		state.Quarantined, state.ProbedAt = a.Quarantined, stamp(a.ProbedAt)
		if a.VerifyRun != "" {
			state.Verify = &controlv1.VerifyState{
				RunId: a.VerifyRun, At: stamp(a.VerifyAt), Compared: a.Compared, Drifted: a.Drifted,
			}
		}
	}
	words, err := reads.CoverageWords(ctx, name)
	for _, w := range words {
		if t := types[[2]string{byID[w.AccountID].GetAccount().GetName(), string(w.DataType)}]; t != nil {
			t.Coverage = w.Word
		}
	}
	return err
}

func typeMessage(f ledger.Freshness) *controlv1.TypeState {
	t := &controlv1.TypeState{
		DataType: f.DataType, Every: durationpb.New(f.Every), LastAttemptAt: stamp(f.LastAttemptAt),
		LastSuccessAt: stamp(f.LastSuccessAt), AsOf: stamp(f.AsOf), Stale: f.Stale, Complete: f.Complete,
		ConsecutiveFailures: small(f.Failures), ErrorClass: f.ErrorClass, ErrorMessage: f.ErrorMessage,
		Superseded: small(f.Superseded), Skipped: f.Skipped,
	}
	if f.Age != nil {
		t.Age = durationpb.New(*f.Age)
	}
	return t
}

// surroundings adds what holds for more than one account: markets, bans and
// pauses. If one account was asked for, those that do not concern it are left
// out.
func surroundings(
	ctx context.Context, reads *ledger.Ledger, list []ledger.Account, narrow bool, out *controlv1.GetStatusResponse,
) error {
	concerns := func(marketID string) bool {
		return !narrow || slices.ContainsFunc(list, func(a ledger.Account) bool { return a.MarketID == marketID })
	}
	markets, err := reads.Markets(ctx)
	if err != nil {
		return err
	}
	for _, m := range markets {
		if concerns(m.ID) {
			out.Markets = append(out.Markets, &controlv1.Market{
				Id: m.ID, Exchange: m.Exchange, Environment: m.Environment, BaseUrl: m.BaseURL, Stretch: m.Stretch,
			})
		}
	}
	bans, err := reads.Bans(ctx)
	if err != nil {
		return err
	}
	for _, b := range bans {
		if concerns(b.MarketID) {
			out.Bans = append(out.Bans, &controlv1.Ban{
				Egress: b.Egress, MarketId: b.MarketID, Until: timestamppb.New(b.Until), Reason: b.Reason,
			})
		}
	}
	settings, err := reads.WorkerSettings(ctx, "")
	if err != nil {
		return err
	}
	for _, one := range settings {
		out.WorkerSettings = append(out.WorkerSettings, workerSetting(one))
	}
	if err := addSchedules(ctx, reads, list, narrow, out); err != nil {
		return err
	}
	return addPauses(ctx, reads, list, narrow, out)
}

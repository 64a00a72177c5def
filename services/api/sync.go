package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// What StartSync does.
const (
	actionStart  = "start"
	actionJoin   = "join"
	actionFollow = "follow"
)

// StartSync implements RunService.
func (s runs) StartSync(ctx context.Context, req *controlv1.StartSyncRequest) (*controlv1.StartSyncResponse, error) {
	types, err := checkTypes(req.GetTypes())
	if err != nil {
		return nil, err
	}
	account, err := s.account(ctx, req.GetAccount())
	if err != nil {
		return nil, err
	}
	if req.GetDryRun() {
		return s.preview(ctx, account, types)
	}
	run, joined, err := s.ledger.StartManual(ctx, account.ID, types)
	var paused *ledger.PausedError
	switch {
	case errors.As(err, &paused):
		return nil, pausedHere(account.Name, types, paused)
	case err != nil:
		return nil, s.notSyncable(ctx, account, err)
	}
	out := &controlv1.StartSyncResponse{Action: actionStart, Types: words(types)}
	switch {
	case joined:
		out.Action = actionJoin
	case run.Follows != "":
		out.Action = actionFollow
	}
	s.log.WithField("run_id", run.ID).WithField("account", account.Name).WithField("action", out.Action).
		WithField("types", syncjob.JoinTypes(types)).Info("api: sync requested")
	out.Run, err = s.withJobs(ctx, run)
	return out, err
}

// notSyncable says why an account cannot be synchronized and what to do. One
// whose key was refused can: its jobs fail and say why, and its prices need no
// key.
func (a *API) notSyncable(ctx context.Context, account ledger.Account, err error) error {
	p := &controlv1.Problem{Class: classAccountState, AccountStatus: string(account.Status)}
	var why string
	name := account.Name
	switch {
	case errors.Is(err, ledger.ErrPending):
		p.Reason, p.AccountStatus = "account_pending", string(ledger.AccountPending)
		probe, findErr := a.openProbe(ctx, account.ID)
		if findErr != nil {
			return findErr
		}
		if p.RunId = probe; probe != "" {
			why, p.RetryHelps = "its key is being probed", true
			p.NextStep = "wait for the probe, run " + probe
			break
		}
		why = "no probe of its key has passed" + because(account.Reason)
		p.NextStep = fmt.Sprintf("probe it again with `alphapulse accounts test %s`, or give it another key with "+
			"`alphapulse accounts set-key %s`", name, name)
	case errors.Is(err, ledger.ErrPaused):
		p.Reason, p.AccountStatus = "account_paused", string(ledger.AccountPaused)
		why, p.NextStep = "it is paused"+because(account.Reason), "`alphapulse accounts resume "+name+"` starts it again"
	case errors.Is(err, ledger.ErrNotFound):
		return noAccount(name, err)
	default:
		return err
	}
	return problem(connect.CodeFailedPrecondition, fmt.Errorf("account %q cannot be synchronized: %s", name, why), p)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// openProbe is the id of the probe that an account waits for, or "".
func (a *API) openProbe(ctx context.Context, accountID string) (string, error) {
	open, err := a.ledger.Runs(ctx, ledger.RunFilter{
		SubjectID: accountID, Status: syncjob.RunRunning, Trigger: syncjob.TriggerProbe, Limit: 1,
	})
	if err != nil || len(open) == 0 {
		return "", err
	}
	return open[0].ID, nil
}

// preview tells what StartSync would do now. It locks nothing, so a moment
// later the answer may be another one.
func (a *API) preview(
	ctx context.Context, account ledger.Account, types []syncjob.DataType,
) (*controlv1.StartSyncResponse, error) {
	if err := previewState(account.Status); err != nil {
		return nil, a.notSyncable(ctx, account, err)
	}
	err := a.ledger.CheckPaused(ctx, account.ID, types)
	var paused *ledger.PausedError
	switch {
	case errors.As(err, &paused):
		return nil, pausedHere(account.Name, types, paused)
	case err != nil:
		return nil, err
	}
	open, err := a.ledger.Runs(ctx, ledger.RunFilter{SubjectID: account.ID, Status: syncjob.RunRunning, Limit: maxPage})
	if err != nil {
		return nil, err
	}
	out := &controlv1.StartSyncResponse{Action: actionStart, Types: words(types)}
	for _, run := range open {
		if run.Trigger != syncjob.Manual && run.Trigger != syncjob.Initial {
			continue
		}
		jobs, err := a.ledger.Jobs(ctx, run.ID)
		if err != nil {
			return nil, err
		}
		if joins(run, jobs, types) {
			out.Action, out.Run = actionJoin, runMessage(run)
			return out, nil
		}
		if out.Run == nil || run.StartedAt != nil {
			out.Action, out.Run = actionFollow, runMessage(run)
		}
	}
	return out, nil
}

func previewState(status ledger.AccountStatus) error {
	switch status {
	case ledger.AccountPending:
		return ledger.ErrPending
	case ledger.AccountPaused:
		return ledger.ErrPaused
	case ledger.AccountRemoved:
		return ledger.ErrNotFound
	case ledger.AccountActive, ledger.AccountNeedsAttention:
	}
	return nil
}

// joins is docs/protocol.md rule 7: a run that has not started is joined and
// widened; another one only if it covers the types, nothing of it was read and
// time is left. The clock is this process's, which is good enough to foretell.
func joins(run ledger.Run, jobs []ledger.Job, types []syncjob.DataType) bool {
	if run.StartedAt == nil {
		return true
	}
	touched := slices.ContainsFunc(jobs, func(j ledger.Job) bool {
		return j.StartedAt != nil || (j.Status != syncjob.Queued && j.Status != syncjob.Waiting)
	})
	missing := slices.ContainsFunc(types, func(t syncjob.DataType) bool { return !slices.Contains(run.Types, string(t)) })
	late := run.DeadlineAt != nil && !time.Now().Before(*run.DeadlineAt)
	return !touched && !missing && !late
}

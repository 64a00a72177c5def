package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/sirupsen/logrus"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// replays is ReplayService.
type replays struct{ *API }

// StartReplay implements ReplayService.
func (s replays) StartReplay(
	ctx context.Context, req *controlv1.StartReplayRequest,
) (*controlv1.StartReplayResponse, error) {
	request, err := s.request(ctx, req)
	if err != nil {
		return nil, err
	}
	if req.GetDryRun() {
		return s.preview(ctx, request)
	}
	r, err := s.ledger.StartReplay(ctx, request)
	if err != nil {
		return nil, noRun(err)
	}
	s.log.WithFields(logrus.Fields{"replay_id": r.ID, "by": r.By, "since": r.Since, "until": r.Until, "rate": r.Rate}).
		Info("api: replay requested")
	return &controlv1.StartReplayResponse{Replay: replayMessage(r)}, nil
}

func (s replays) request(ctx context.Context, req *controlv1.StartReplayRequest) (ledger.ReplayRequest, error) {
	f := req.GetFilter()
	out := ledger.ReplayRequest{Rate: req.GetRate(), By: s.requester(ctx), Note: req.GetNote()}
	if f.GetSince() == nil && f.GetRunId() == "" && f.GetFromSeq() == 0 {
		return out, badRequest("filter", "", errors.New("a replay needs a time to begin at, a run, or a part of the stream"))
	}
	if out.Rate != 0 && (out.Rate < ledger.MinReplayRate || out.Rate > ledger.MaxReplayRate) {
		return out, badRequest("rate", "", fmt.Errorf("a replay makes %v to %v jobs a second", ledger.MinReplayRate, float64(ledger.MaxReplayRate)))
	}
	if f.GetToSeq() > 0 && f.GetToSeq() < max(f.GetFromSeq(), 1) || f.GetFromSeq() > maxSeq || f.GetToSeq() > maxSeq {
		return out, badRequest("sequence", "", errors.New("the part of the stream ends before it begins"))
	}
	var err error
	if out.Filter, err = s.replayFilter(ctx, f); err != nil {
		return out, err
	}
	return out, checkReason(req.GetNote())
}

// maxSeq is more than any stream counts to.
const maxSeq = 1 << 62

func (s replays) replayFilter(ctx context.Context, f *controlv1.ReplayFilter) (ledger.ReplayFilter, error) {
	out := ledger.ReplayFilter{
		Exchange: f.GetExchange(), Status: f.GetStatus(), RunID: f.GetRunId(), FromSeq: f.GetFromSeq(), ToSeq: f.GetToSeq(),
	}
	var err error
	if out.Since, out.Until, err = checkSpan(f.GetSince(), f.GetUntil()); err != nil {
		return out, err
	}
	if len(f.GetTypes()) > 0 {
		if out.Types, err = checkTypes(f.GetTypes()); err != nil {
			return out, err
		}
	}
	if err := checkWord("status", f.GetStatus(), []string{ledger.ReplayAny, ledger.ReplayOnlyFailed, ledger.ReplayOnlyDead}); err != nil {
		return out, err
	}
	if f.GetExchange() != "" {
		if err := (queue.Consumer{Exchange: f.GetExchange(), Environment: "x", DataType: "x", Lane: "x"}).Validate(); err != nil {
			return out, badRequest("exchange", "", fmt.Errorf("there is no exchange %.40q", f.GetExchange()))
		}
	}
	if f.GetRunId() != "" {
		if err := checkJobIDs(f.GetRunId()); err != nil {
			return out, badRequest("run_id", "", fmt.Errorf("%.40q is not the id of a run", f.GetRunId()))
		}
	}
	if f.GetAccount() == "" {
		return out, nil
	}
	account, err := s.account(ctx, f.GetAccount())
	out.AccountID, out.Account = account.ID, account.Name
	return out, err
}

func noRun(err error) error {
	if !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	return notFound("run_not_found", "`alphapulse runs list` shows those that are there", err)
}

func noReplay(err error) error {
	if !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	return notFound("replay_not_found", "`alphapulse replay list` shows those that are there", err)
}

// What one preview reads of the stream: what it does not get to is counted among
// the jobs of the tables.
const (
	previewPages = 40
	previewTime  = 8 * time.Second
)

func (s replays) preview(ctx context.Context, request ledger.ReplayRequest) (*controlv1.StartReplayResponse, error) {
	out := &controlv1.StartReplayResponse{}
	pages, err := s.streamPages(ctx, request.Filter, out)
	if err != nil {
		return nil, err
	}
	r, groups, err := s.ledger.PreviewReplay(ctx, request, pages)
	if err != nil {
		return nil, noRun(err)
	}
	out.Replay, out.Groups = replayMessage(r), groupMessages(groups)
	return out, nil
}

func (s replays) streamPages(
	ctx context.Context, f ledger.ReplayFilter, out *controlv1.StartReplayResponse,
) ([]ledger.StreamPage, error) {
	state, err := s.deps.Past.JobsState(ctx)
	if errors.Is(err, queue.ErrStreamMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, brokerAway(err)
	}
	out.StreamReachesTo = stamp(&state.FirstTime)
	query := queue.JobsQuery{
		Exchange: f.Exchange, Types: f.Types, SubjectID: f.AccountID, Since: f.Since, Until: f.Until, FromSeq: f.FromSeq,
		ToSeq: f.ToSeq,
	}
	var pages []ledger.StreamPage
	began := time.Now()
	for len(pages) < previewPages && time.Since(began) < previewTime {
		page, err := s.deps.Past.StoredJobs(ctx, query)
		if err != nil {
			return nil, brokerAway(err)
		}
		ids := make([]string, len(page.Jobs))
		for i, job := range page.Jobs {
			ids[i] = job.JobID
		}
		pages = append(pages, ledger.StreamPage{JobIDs: ids, Next: page.Next, End: page.End, Created: page.Created})
		if page.End {
			return pages, nil
		}
		query.FromSeq = page.Next
	}
	out.StreamCutShort = true
	return pages, nil
}

// GetReplay implements ReplayService.
func (s replays) GetReplay(
	ctx context.Context, req *controlv1.GetReplayRequest,
) (*controlv1.GetReplayResponse, error) {
	r, progress, err := s.replay(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	out := &controlv1.GetReplayResponse{Replay: r, Progress: progress}
	if !req.GetGroups() {
		return out, nil
	}
	groups, err := s.ledger.ReplayGroups(ctx, req.GetId())
	out.Groups = groupMessages(groups)
	return out, err
}

// replay reads a replay, and then its jobs: of one that is over none is open.
func (s replays) replay(ctx context.Context, id string) (*controlv1.Replay, *controlv1.ReplayProgress, error) {
	r, err := s.ledger.Replay(ctx, id)
	if err != nil {
		return nil, nil, noReplay(err)
	}
	p, err := s.ledger.ReplayProgress(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	return replayMessage(r), progressMessage(p), nil
}

// ListReplays implements ReplayService.
func (s replays) ListReplays(
	ctx context.Context, req *controlv1.ListReplaysRequest,
) (*controlv1.ListReplaysResponse, error) {
	size, err := pageSize(req.GetPageSize(), "replays")
	if err != nil {
		return nil, err
	}
	found, err := s.ledger.Replays(ctx, size)
	out := &controlv1.ListReplaysResponse{}
	for _, r := range found {
		out.Replays = append(out.Replays, replayMessage(r))
	}
	return out, err
}

// CancelReplay implements ReplayService.
func (s replays) CancelReplay(
	ctx context.Context, req *controlv1.CancelReplayRequest,
) (*controlv1.CancelReplayResponse, error) {
	before, err := s.ledger.Replay(ctx, req.GetId())
	if err != nil {
		return nil, noReplay(err)
	}
	if !before.Status.Open() && before.Status != ledger.ReplayCancelled {
		return nil, problem(connect.CodeFailedPrecondition, fmt.Errorf("replay %s is %s already", before.ID, before.Status),
			&controlv1.Problem{Class: classConflict, Reason: "replay_ended"})
	}
	if err := s.ledger.CancelReplay(ctx, req.GetId()); err != nil {
		return nil, noReplay(err)
	}
	s.log.WithFields(logrus.Fields{"replay_id": before.ID, "by": s.requester(ctx)}).Info("api: replay cancelled")
	out := &controlv1.CancelReplayResponse{}
	out.Replay, out.Progress, err = s.replay(ctx, req.GetId())
	return out, err
}

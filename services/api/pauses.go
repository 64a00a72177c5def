package api

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// controls is ControlService.
type controls struct{ *API }

// CreatePause implements ControlService.
func (s controls) CreatePause(
	ctx context.Context, req *controlv1.CreatePauseRequest,
) (*controlv1.CreatePauseResponse, error) {
	scope, err := s.pauseScope(ctx, req.GetScope())
	if err != nil {
		return nil, err
	}
	if empty := isEmpty(scope); empty != req.GetEverything() {
		return nil, badRequest("scope", "name an exchange, an environment, an account, types or a lane, or say that you mean everything",
			errors.New("a pause needs a scope, or everything, and not both"))
	}
	pause, err := newPause(ctx, req, scope)
	if err != nil {
		return nil, err
	}
	reach, err := s.ledger.PauseReach(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := &controlv1.CreatePauseResponse{Schedules: small(reach.Schedules), Jobs: small(reach.Jobs)}
	if req.GetDryRun() {
		return out, nil
	}
	made, err := s.ledger.Pause(ctx, pause)
	if errors.Is(err, ledger.ErrPauseOver) {
		return nil, badRequest("until", "", ledger.ErrPauseOver)
	}
	for _, p := range made {
		out.Pauses = append(out.Pauses, pauseMessage(p))
		s.log.WithField("pause_id", p.ID).WithField("by", p.CreatedBy).WithField("change", "pause").Info("api: paused")
	}
	return out, err
}

func newPause(ctx context.Context, req *controlv1.CreatePauseRequest, scope ledger.PauseScope) (ledger.NewPause, error) {
	pause := ledger.NewPause{Scope: scope, Reason: req.GetNote(), By: actor(ctx, req.GetBy()), For: req.GetLasting().AsDuration()}
	if err := errors.Join(checkReason(req.GetNote()), checkReason(req.GetBy())); err != nil {
		return pause, badRequest("note", "", err)
	}
	switch {
	case req.GetNote() == "":
		return pause, badRequest("note", "say why, for those who read the status", errors.New("a pause needs a note"))
	case req.GetNote() == "maintenance" && scope.MarketID != "":
		return pause, badRequest("note", "say more, such as who announced it",
			errors.New(`the note "maintenance" alone is for what an exchange announces itself`))
	case req.GetLasting() != nil && (req.GetUntil() != nil || pause.For <= 0):
		return pause, badRequest("until", "", errors.New("a pause has one end: a time, or how long it lasts, which is positive"))
	}
	from, until, err := checkSpan(req.GetFrom(), req.GetUntil())
	if err != nil {
		return pause, err
	}
	if !from.IsZero() {
		pause.From = &from
	}
	if !until.IsZero() {
		pause.Until = &until
	}
	return pause, nil
}

// actor is who makes a change: whom the token names, or else who he says he is.
func actor(ctx context.Context, by string) string {
	who := callerOf(ctx)
	if who.token != 0 || by == "" {
		return who.actor
	}
	return by
}

func isEmpty(s ledger.PauseScope) bool {
	return s.MarketID == "" && s.Exchange == "" && s.Environment == "" && s.AccountID == "" && len(s.Types) == 0 && s.Lane == ""
}

// pauseScope checks that what a scope names exists: a pause with a slip of the
// pen would stop nothing, and nobody would notice.
func (a *API) pauseScope(ctx context.Context, in *controlv1.PauseScope) (ledger.PauseScope, error) {
	scope := ledger.PauseScope{
		MarketID: in.GetMarketId(), Exchange: in.GetExchange(), Environment: in.GetEnvironment(), Lane: syncjob.Lane(in.GetLane()),
	}
	if err := checkWord("lane", in.GetLane(), []string{string(syncjob.Live), string(syncjob.Backfill)}); err != nil {
		return scope, err
	}
	for _, name := range in.GetTypes() {
		if err := checkWord("data type", name, words(syncjob.Requestable())); err != nil {
			return scope, err
		}
		if name == "" {
			return scope, badRequest("data type", "", errors.New("a data type must not be empty"))
		}
		scope.Types = append(scope.Types, syncjob.DataType(name))
	}
	scope.Types = syncjob.Normalize(scope.Types)
	if in.GetAccount() != "" {
		account, err := a.account(ctx, in.GetAccount())
		if err != nil {
			return scope, err
		}
		scope.AccountID = account.ID
		for _, t := range scope.Types {
			if t.Shared() {
				return scope, badRequest("data type", "pause it by --exchange and --env instead",
					fmt.Errorf("%s belong to the account's market and serve its other accounts too", t))
			}
		}
	}
	return scope, a.checkMarkets(ctx, scope)
}

func (a *API) checkMarkets(ctx context.Context, s ledger.PauseScope) error {
	if s.MarketID == "" && s.Exchange == "" && s.Environment == "" {
		return nil
	}
	markets, err := a.ledger.Markets(ctx)
	if err != nil {
		return err
	}
	for _, m := range markets {
		if (s.MarketID == "" || m.ID == s.MarketID) && (s.Exchange == "" || m.Exchange == s.Exchange) &&
			(s.Environment == "" || m.Environment == s.Environment) {
			return nil
		}
	}
	return notFound("market_not_found", "`alphapulse status` and `alphapulse accounts list` show those that exist",
		errors.New("there is no market of that exchange, environment and id"))
}

// ListPauses implements ControlService.
func (s controls) ListPauses(
	ctx context.Context, _ *controlv1.ListPausesRequest,
) (*controlv1.ListPausesResponse, error) {
	found, err := list(s.API, func(reads *ledger.Ledger, _ *postgres.DB) ([]ledger.Pause, error) {
		return reads.Pauses(ctx)
	})
	out := &controlv1.ListPausesResponse{}
	for _, p := range found {
		out.Pauses = append(out.Pauses, pauseMessage(p))
	}
	return out, err
}

// EndPause implements ControlService.
func (s controls) EndPause(ctx context.Context, req *controlv1.EndPauseRequest) (*controlv1.EndPauseResponse, error) {
	scope, err := s.pauseScope(ctx, req.GetScope())
	if err != nil {
		return nil, err
	}
	if err := checkReason(req.GetBy()); err != nil {
		return nil, err
	}
	chosen := 0
	for _, given := range []bool{req.GetId() != "", !isEmpty(scope), req.GetAll()} {
		if given {
			chosen++
		}
	}
	if chosen != 1 {
		return nil, badRequest("scope", "", errors.New("name one pause by its id, or a scope, or all of them"))
	}
	filter := ledger.PauseFilter{ID: req.GetId(), Scope: scope}
	end := func() ([]ledger.Pause, error) { return s.ledger.Resume(ctx, filter, actor(ctx, req.GetBy())) }
	if req.GetDryRun() {
		end = func() ([]ledger.Pause, error) { return s.ledger.PausesOf(ctx, filter) }
	}
	ended, err := end()
	if err == nil && len(ended) == 0 && !req.GetAll() {
		err = ledger.ErrNotFound
	}
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, notFound("pause_not_found", "`alphapulse pauses` shows those that are open", errors.New("there is no such pause"))
	}
	out := &controlv1.EndPauseResponse{}
	for _, p := range ended {
		out.Pauses = append(out.Pauses, pauseMessage(p))
		if !req.GetDryRun() {
			s.log.WithField("pause_id", p.ID).WithField("by", actor(ctx, req.GetBy())).WithField("change", "resume").Info("api: resumed")
		}
	}
	return out, err
}

func pauseMessage(p ledger.Pause) *controlv1.Pause {
	return &controlv1.Pause{
		Id: p.ID, MarketId: p.MarketID, Exchange: p.Exchange, Environment: p.Environment, Account: p.Account,
		DataType: p.DataType, Lane: p.Lane, Reason: p.Reason, CreatedBy: p.CreatedBy, From: timestamppb.New(p.From),
		Until: stamp(p.Until), InForce: p.InForce,
	}
}

// pausedHere says that types that a sync asked for are paused, by whom, and what
// to do.
func pausedHere(account string, types []syncjob.DataType, paused *ledger.PausedError) error {
	why, ends, next := "", true, ""
	rest := map[syncjob.DataType]bool{}
	for _, t := range types {
		rest[t] = true
	}
	for i, h := range paused.Held {
		if i > 0 {
			why += "; "
			next += " and "
		}
		until := "until it is resumed"
		if h.Pause.Until != nil {
			until = "until " + h.Pause.Until.UTC().Format("2006-01-02 15:04:05Z")
		}
		why += fmt.Sprintf("%s are paused %s by %s: %s", h.DataType, until, h.Pause.CreatedBy, h.Pause.Reason)
		ends = ends && h.Pause.Until != nil
		next += fmt.Sprintf("`alphapulse resume --id %s`", h.Pause.ID)
		delete(rest, h.DataType)
	}
	next += " ends it"
	if len(rest) > 0 {
		var others []syncjob.DataType
		for _, t := range types {
			if rest[t] {
				others = append(others, t)
			}
		}
		next += fmt.Sprintf("; `alphapulse sync %s --type %s` leaves it out", account, syncjob.JoinTypes(others))
	}
	return problem(connect.CodeFailedPrecondition, fmt.Errorf("account %q cannot be synchronized: %s", account, why),
		&controlv1.Problem{Class: classAccountState, Reason: "paused", RetryHelps: ends, NextStep: next})
}

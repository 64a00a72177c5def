package api

import (
	"context"
	"errors"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ListSchedules implements ControlService.
func (s controls) ListSchedules(
	ctx context.Context, req *controlv1.ListSchedulesRequest,
) (*controlv1.ListSchedulesResponse, error) {
	id := ""
	if req.GetAccount() != "" {
		account, err := s.account(ctx, req.GetAccount())
		if err != nil {
			return nil, err
		}
		id = account.ID
	}
	found, err := list(s.API, func(reads *ledger.Ledger, _ *postgres.DB) ([]ledger.TypeSchedule, error) {
		return reads.Schedules(ctx, id)
	})
	return &controlv1.ListSchedulesResponse{Schedules: scheduleMessages(found)}, err
}

// SetSchedule implements ControlService.
func (s controls) SetSchedule(
	ctx context.Context, req *controlv1.SetScheduleRequest,
) (*controlv1.SetScheduleResponse, error) {
	scope, err := s.pauseScope(ctx, &controlv1.PauseScope{
		Exchange: req.GetExchange(), Environment: req.GetEnvironment(), MarketId: req.GetMarketId(), Types: req.GetTypes(),
	})
	if err != nil {
		return nil, err
	}
	change := ledger.ScheduleChange{
		MarketID: scope.MarketID, Exchange: scope.Exchange, Environment: scope.Environment, Types: scope.Types, Enabled: req.Enabled, //nolint:protogetter // nil is an answer
	}
	byMarket := scope.MarketID != "" || scope.Exchange != "" || scope.Environment != ""
	switch {
	case len(scope.Types) == 0:
		return nil, badRequest("data type", "", errors.New("name the data types: known are "+syncjob.JoinTypes(syncjob.Requestable())))
	case byMarket == (req.GetAccount() != ""):
		return nil, badRequest("scope", "", errors.New("name an account, or an exchange, environment or market, and not both"))
	case req.GetEvery() == nil && req.Enabled == nil: //nolint:protogetter // nil is an answer
		return nil, badRequest("cadence", "", errors.New("say how often, or whether it is enabled"))
	}
	if req.GetEvery() != nil {
		every := req.GetEvery().AsDuration()
		if err := checkCadence(every); err != nil {
			return nil, err
		}
		change.Every = &every
	}
	if req.GetAccount() != "" {
		account, err := s.account(ctx, req.GetAccount())
		if err != nil {
			return nil, err
		}
		change.AccountID = account.ID
	}
	set, err := s.ledger.SetSchedules(ctx, change)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, notFound("schedule_not_found", "`alphapulse schedule list` shows those that exist; candles have one once a series is added",
			errors.New("there is no such schedule"))
	}
	if err == nil {
		s.log.WithField("types", syncjob.JoinTypes(change.Types)).WithField("schedules", len(set)).WithField("every", req.GetEvery().String()).
			WithField("enabled", req.GetEnabled()).WithField("change", "schedule").Info("api: schedules changed")
	}
	return &controlv1.SetScheduleResponse{Schedules: scheduleMessages(set)}, err
}

func scheduleMessages(list []ledger.TypeSchedule) []*controlv1.TypeSchedule {
	out := make([]*controlv1.TypeSchedule, 0, len(list))
	for _, s := range list {
		out = append(out, &controlv1.TypeSchedule{
			Account: s.Account, MarketId: s.MarketID, Exchange: s.Exchange, Environment: s.Environment, DataType: s.DataType,
			Every: durationpb.New(s.Every), Stretch: s.Stretch, NextAt: timestamppb.New(s.NextAt), Enabled: s.Enabled,
			Paused: s.Paused, Skipped: s.Skipped,
		})
	}
	return out
}

// addSchedules marks the types whose schedule is off.
func addSchedules(ctx context.Context, reads *ledger.Ledger, list []ledger.Account, narrow bool, out *controlv1.GetStatusResponse) error {
	id := ""
	if narrow {
		id = list[0].ID
	}
	schedules, err := reads.DisabledSchedules(ctx, id)
	if err != nil {
		return err
	}
	off := map[[2]string]bool{}
	for _, s := range schedules {
		if s.Account == "" {
			off[[2]string{s.MarketID, s.DataType}] = true
		} else {
			off[[2]string{s.Account, s.DataType}] = true
		}
	}
	for _, state := range out.GetAccounts() {
		for _, t := range state.GetTypes() {
			t.Unscheduled = off[[2]string{state.GetAccount().GetName(), t.GetDataType()}] ||
				off[[2]string{state.GetAccount().GetMarketId(), t.GetDataType()}]
		}
	}
	return nil
}

package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// workerSeen is how long ago a worker may have said last what it does. It says so
// every five seconds.
const workerSeen = 20 * time.Second

// ListWorkerSettings implements ControlService.
func (s controls) ListWorkerSettings(
	ctx context.Context, _ *controlv1.ListWorkerSettingsRequest,
) (*controlv1.ListWorkerSettingsResponse, error) {
	return list(s.API, func(reads *ledger.Ledger, _ *postgres.DB) (*controlv1.ListWorkerSettingsResponse, error) {
		settings, err := reads.WorkerSettings(ctx, "")
		if err != nil {
			return nil, err
		}
		workers, err := reads.Workers(ctx, workerSeen)
		out := &controlv1.ListWorkerSettingsResponse{}
		for _, one := range settings {
			out.Settings = append(out.Settings, workerSetting(one))
		}
		for _, w := range workers {
			out.Workers = append(out.Workers, &controlv1.WorkerState{
				Name: w.Name, DataType: string(w.DataType), Slots: small(w.Slots), MaxSlots: small(w.MaxSlots), Lanes: words(w.Lanes),
				Paused: w.Paused, SeenAt: timestamppb.New(w.SeenAt),
			})
		}
		return out, err
	})
}

// SetWorkerSettings implements ControlService.
func (s controls) SetWorkerSettings(
	ctx context.Context, req *controlv1.SetWorkerSettingsRequest,
) (*controlv1.SetWorkerSettingsResponse, error) {
	change, err := workerChange(ctx, req)
	if err != nil {
		return nil, err
	}
	if req.GetAsStarted() {
		err = s.ledger.ResetWorkers(ctx, change.Types, change.Worker)
	} else {
		err = s.ledger.SetWorkers(ctx, change)
	}
	if err != nil {
		return nil, err
	}
	s.log.WithField("types", syncjob.JoinTypes(change.Types)).WithField("worker", change.Worker).WithField("by", change.By).
		WithField("reset", req.GetAsStarted()).WithField("change", "workers").Info("api: settings of workers changed")
	settings, err := s.ledger.WorkerSettings(ctx, "")
	out := &controlv1.SetWorkerSettingsResponse{}
	for _, one := range settings {
		if one.Worker == change.Worker && slices.Contains(change.Types, one.DataType) {
			out.Settings = append(out.Settings, workerSetting(one))
		}
	}
	return out, err
}

func workerChange(ctx context.Context, req *controlv1.SetWorkerSettingsRequest) (ledger.WorkerChange, error) {
	change := ledger.WorkerChange{Worker: req.GetWorker(), Paused: req.Paused, By: actor(ctx, req.GetBy())} //nolint:protogetter // nil is an answer
	for _, name := range req.GetTypes() {
		if !slices.Contains(syncjob.Requestable(), syncjob.DataType(name)) {
			return change, badRequest("data type", "",
				fmt.Errorf("there is no data type %.40q: use one of %s", name, syncjob.JoinTypes(syncjob.Requestable())))
		}
		change.Types = append(change.Types, syncjob.DataType(name))
	}
	change.Types = syncjob.Normalize(change.Types)
	for _, lane := range req.GetLanes() {
		if lane != string(syncjob.Live) && lane != string(syncjob.Backfill) {
			return change, badRequest("lane", "", fmt.Errorf("there is no lane %.40q: use live, backfill or both", lane))
		}
		if !slices.Contains(change.Lanes, syncjob.Lane(lane)) {
			change.Lanes = append(change.Lanes, syncjob.Lane(lane))
		}
	}
	if req.Slots != nil { //nolint:protogetter // nil is an answer
		slots := int(req.GetSlots())
		if slots < 1 || slots > ledger.MaxSlots {
			return change, badRequest("slots", "to stop taking jobs, pause the workers of the type instead",
				fmt.Errorf("%d slots: want 1 to %d", slots, ledger.MaxSlots))
		}
		change.Slots = &slots
	}
	nothing := change.Slots == nil && change.Lanes == nil && change.Paused == nil
	switch {
	case len(change.Types) == 0:
		return change, badRequest("data type", "", errors.New("name the data types: known are "+syncjob.JoinTypes(syncjob.Requestable())))
	case nothing != req.GetAsStarted():
		return change, badRequest("settings", "", errors.New("say what to set, or reset it, and not both"))
	}
	return change, errors.Join(checkReason(change.Worker), checkReason(change.By))
}

func workerSetting(s ledger.WorkerSetting) *controlv1.WorkerSetting {
	m := &controlv1.WorkerSetting{
		DataType: string(s.DataType), Worker: s.Worker, Lanes: words(s.Lanes), Paused: s.Paused, UpdatedBy: s.UpdatedBy,
		UpdatedAt: timestamppb.New(s.UpdatedAt),
	}
	if s.Slots != nil {
		slots := small(*s.Slots)
		m.Slots = &slots
	}
	return m
}

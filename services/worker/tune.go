package worker

import (
	"context"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	// jobsPerConn is how many slots of a queue one connection for commits carries:
	// a job holds it for its commit alone, which is a small part of its time.
	jobsPerConn = 4
	// seenEvery is how often a worker says what it does.
	seenEvery = 5 * time.Second
)

// tuning is how much a worker does at once of each data type: as it was started,
// or as somebody set it since.
type tuning struct {
	worker  string
	started Config
	most    int // slots that the connections allow
	log     *logrus.Entry
	force   map[syncjob.DataType]tuned
}

// tuned is what is in force for a data type.
type tuned struct {
	slots  int
	wanted int // as it was set; more than slots if the connections do not allow it
	lanes  []syncjob.Lane
	paused bool
}

func newTuning(cfg Config, most int, log *logrus.Entry) *tuning {
	t := &tuning{worker: cfg.Name, started: cfg, most: max(cfg.Slots, min(most, ledger.MaxSlots)), log: log}
	t.apply(nil)
	return t
}

// apply takes over the settings, of which those for this worker go before those
// for every worker, and logs what changed.
func (t *tuning) apply(settings []ledger.WorkerSetting) {
	before := t.force
	t.force = map[syncjob.DataType]tuned{}
	for _, dataType := range t.started.Types {
		now := tuned{wanted: t.started.Slots, lanes: t.started.Lanes}
		for _, worker := range []string{"", t.worker} {
			for _, s := range settings {
				if s.DataType == dataType && s.Worker == worker {
					now.set(s)
				}
			}
		}
		now.slots = min(now.wanted, t.most)
		t.force[dataType] = now
		if was, known := before[dataType]; known {
			t.tell(dataType, was, now)
		}
	}
}

func (n *tuned) set(s ledger.WorkerSetting) {
	if s.Slots != nil {
		n.wanted = *s.Slots
	}
	if s.Lanes != nil {
		n.lanes = s.Lanes
	}
	if s.Paused != nil {
		n.paused = *s.Paused
	}
}

func (t *tuning) tell(dataType syncjob.DataType, was, now tuned) {
	if was.wanted == now.wanted && was.paused == now.paused && slices.Equal(was.lanes, now.lanes) {
		return
	}
	log := t.log.WithFields(logrus.Fields{
		"data_type": string(dataType), "slots": now.slots, "lanes": now.lanes, "paused": now.paused,
	})
	if now.slots < now.wanted {
		log.WithField("wanted_slots", now.wanted).
			Warn("the slots asked for are more than this worker's connections allow: it uses as many as it can; see --write-conns")
		return
	}
	log.Info("slots or lanes were changed")
}

// slotsOf is how many slots a queue has.
func (t *tuning) slotsOf(c queue.Consumer) int {
	if c.DataType == syncjob.Probe {
		return probeSlots
	}
	now := t.force[c.DataType]
	if now.paused || !slices.Contains(now.lanes, c.Lane) {
		return 0
	}
	return now.slots
}

// states is what the worker does, for those who want to see it.
func (t *tuning) states() []ledger.WorkerState {
	states := make([]ledger.WorkerState, 0, len(t.force))
	for _, dataType := range t.started.Types {
		now := t.force[dataType]
		states = append(states, ledger.WorkerState{
			DataType: dataType, Slots: now.slots, MaxSlots: t.most, Lanes: now.lanes, Paused: now.paused,
		})
	}
	return states
}

// tune looks whether somebody changed the settings, gives the queues that are
// served their slots, and says now and then what this worker does. Without an
// answer everything stays as it is.
func (w *Worker) tune(ctx context.Context, served map[string]*served) {
	settings, err := w.claims.WorkerSettings(ctx, w.cfg.Name)
	if err != nil {
		if ctx.Err() == nil {
			w.deps.Log.WithError(err).Warn("settings of workers could not be read")
		}
		return
	}
	w.tuning.apply(settings)
	w.yieldToLive(ctx, served)
	for _, s := range served {
		n := w.tuning.slotsOf(s.consumer)
		if s.consumer.Lane == syncjob.Backfill {
			n = min(w.yield.slots(n), w.held.jobs())
		}
		s.slots.resize(n)
		w.metrics.of(s.consumer).slots.Set(float64(n))
	}
	if time.Since(w.seen) < seenEvery {
		return
	}
	if err := w.claims.SeeWorker(ctx, w.cfg.Name, w.tuning.states()); err != nil && ctx.Err() == nil {
		w.deps.Log.WithError(err).Warn("what this worker does could not be recorded")
		return
	}
	w.seen = time.Now()
}

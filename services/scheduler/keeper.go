package scheduler

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// keeper does what keeps the house in order and is in no hurry.
type keeper struct {
	metrics *measures
	ledger  *ledger.Ledger
	queue   *queue.Queue
	log     *logrus.Entry
	cfg     Config
	// stretched are the markets whose cadences are stretched, as last logged.
	stretched map[string]float64
}

// stretch weighs the planned load of each market against the budget, and logs
// what changed.
func (k *keeper) stretch(ctx context.Context) (time.Duration, error) {
	now, err := k.ledger.Stretch(ctx, k.cfg.Budget)
	if err != nil {
		return 0, err
	}
	for id, factor := range now {
		if before := k.stretched[id]; before != factor {
			k.log.WithFields(logrus.Fields{
				"market_id": id, "factor": factor, "budget": k.cfg.Budget, "before": max(before, 1),
			}).Warn("the planned load is above the budget: the market's cadences are stretched")
		}
	}
	for id, factor := range k.stretched {
		if _, still := now[id]; !still {
			k.log.WithFields(logrus.Fields{"market_id": id, "before": factor}).
				Info("the planned load is within the budget again: the market's cadences are as asked")
		}
	}
	k.stretched = now
	return k.cfg.Stretch, nil
}

// purge makes room in the job stream before it refuses jobs; the queue logs what
// it removed, and by how much the replay from the stream reaches back less.
func (k *keeper) purge(ctx context.Context) (time.Duration, error) {
	report, err := k.queue.PurgeSettled(ctx)
	if errors.Is(err, queue.ErrStreamMissing) {
		return k.cfg.Purge, nil // nothing to purge; the topology loop makes it
	}
	if err != nil {
		return 0, err
	}
	k.metrics.purge(report)
	if report.StillAboveLimits && report.Removed == 0 {
		k.log.WithFields(logrus.Fields{"bytes": report.BytesAfter, "max_bytes": report.MaxBytes}).
			Error("the job stream is nearly full of unsettled jobs: add workers, or raise its size")
	}
	return k.cfg.Purge, nil
}

// prune removes one batch of what is past its retention.
func (k *keeper) prune(ctx context.Context) (time.Duration, error) {
	rows := historyRows * k.cfg.Batch
	removed, more := logrus.Fields{}, false
	for _, kind := range []struct {
		name  string
		batch int
		prune func(context.Context, int) (int, error)
	}{
		{"runs", k.cfg.Batch, k.ledger.Prune},
		{"history_rows", rows, k.ledger.PruneHistory},
		{"quarantine_rows", rows, k.ledger.PruneQuarantine},
		{"replays", k.cfg.Batch, k.ledger.PruneReplays},
		{"pauses", rows, k.ledger.PrunePauses},
	} {
		n, err := kind.prune(ctx, kind.batch)
		if err != nil {
			return 0, err
		}
		k.metrics.prune(kind.name, n)
		if n > 0 {
			removed[kind.name] = n
		}
		more = more || n >= kind.batch
	}
	if err := k.ledger.PruneWorkers(ctx); err != nil {
		return 0, err
	}
	if len(removed) > 0 {
		k.log.WithFields(removed).Info("removed what is past its retention")
	}
	if more {
		return 0, nil
	}
	return k.cfg.Prune, nil
}

// historyRows is how many rows of a history go for each run: a run takes its
// jobs with it.
const historyRows = 10

package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	// historyRatio is the goal: rows per second against COPY and merge of the same.
	historyRatio = 0.8
	copySample   = "copy_and_merge_rows_per_second"
)

// historyTypes are those that are read.
func historyTypes() []syncjob.DataType { return []syncjob.DataType{syncjob.Orders, syncjob.Fills} }

// history measures a backfill of one week of dense orders and fills, which come in
// pages of 50 and 100. Its limit is to COPY the same rows into a temporary table and
// to merge them into the same tables: no reading at all.
func (b *bench) history(ctx context.Context) (Result, error) {
	err := b.serve(ctx, world{rows: b.cfg.Rows, latency: b.cfg.Latency, fills: b.cfg.HistoryFills})
	if err != nil {
		return Result{}, err
	}
	pass := b.backfill()
	if _, err := b.burn(ctx, pass); err != nil {
		return Result{}, err
	}
	rows, err := b.export(ctx)
	if err != nil {
		return Result{}, err
	}
	t := newTally()
	for range b.cfg.Rounds {
		if err := b.historyRound(ctx, t, pass, rows); err != nil {
			return Result{}, err
		}
	}
	return t.result(func(name, _ string, value float64) *Goal {
		if name == ratioSample {
			return atLeast(historyRatio, value)
		}
		return nil
	}), nil
}

func (b *bench) historyRound(ctx context.Context, t *tally, pass burning, rows exported) error {
	if err := b.forget(ctx); err != nil {
		return err
	}
	copied, err := b.copyAndMerge(ctx, rows)
	if err != nil {
		return err
	}
	burnt, err := b.burn(ctx, pass)
	if err != nil {
		return err
	}
	t.note(burnt)
	rate := float64(rows.count) / burnt.took
	t.add("stored_rows_per_second", "rows/s", rate)
	t.add(copySample, "rows/s", copied)
	t.ratio(ratioSample, rate, copied)
	// What stands for the plain loop: the same jobs, as fast as their rows are merged.
	t.add(plainSample, "jobs/s", copied*float64(burnt.jobs)/float64(rows.count))
	return nil
}

// backfill is a pass over a week of each account, one job for each type.
func (b *bench) backfill() burning {
	var consumers []queue.Consumer
	for _, t := range historyTypes() {
		consumers = append(consumers, consumerOf(t, syncjob.Backfill))
	}
	return burning{
		prepare: b.forget, consumers: consumers, fill: b.startBackfills,
		parts: parts{workers: b.cfg.Workers, slots: b.cfg.Slots, types: historyTypes(), aggregator: true},
	}
}

// historyWeek is the last week but one that is over: one window of a job, and far
// enough back for its pages to stay the same.
func historyWeek(now time.Time) (since, until time.Time) {
	until = now.UTC().Truncate(ledger.MaxWindow).Add(-ledger.MaxWindow)
	return until.Add(-ledger.MaxWindow), until
}

func (b *bench) startBackfills(ctx context.Context) error {
	since, until := historyWeek(time.Now())
	for i := range b.cfg.HistoryAccounts {
		b.cfg.Progress("starting backfills", i, b.cfg.HistoryAccounts)
		_, err := b.ledger.StartBackfill(ctx, ledger.BackfillRequest{
			AccountID: b.accounts[i].id, Types: historyTypes(), Since: since, Until: until,
		})
		if err != nil {
			return fmt.Errorf("starting a backfill: %w", err)
		}
	}
	return nil
}

// errNoRows: the backfill has stored nothing, so that there is nothing to compare
// with.
var errNoRows = errors.New("the backfill has stored no rows")

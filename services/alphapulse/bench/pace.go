package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	// askedOf: of so many accounts one has no schedule and is asked for by hand.
	askedOf = 20
	// askedEvery is how often, if there are enough of them.
	askedEvery = 200 * time.Millisecond
	// leastCadence is the least that a schedule may have.
	leastCadence = time.Second
	// paceLead is how long before the first slot the schedules are made.
	paceLead = 3 * time.Second
)

// pacing is who makes the jobs of a pace: schedules of one cadence, each in the slots
// that the program gives its account, and a hand that asks for the rest one by one.
type pacing struct {
	scheduled, asked []account
	every            time.Duration
}

// pacing makes as many slots due in a second as rate, but none of an account sooner than
// a schedule may.
func (b *bench) pacing(rate float64) pacing {
	all := b.accounts[:b.cfg.Jobs]
	hand := min(max(1, len(all)/askedOf), len(all)-1)
	p := pacing{scheduled: all[hand:], asked: all[:hand]}
	p.every = max(leastCadence, time.Duration(float64(len(p.scheduled))/rate*float64(time.Second)))
	return p
}

// rate is how many slots come due in a second.
func (p pacing) rate() float64 { return float64(len(p.scheduled)) / p.every.Seconds() }

// schedule makes the schedules, and gives when their first slots begin.
func (b *bench) schedule(ctx context.Context, p pacing) (time.Time, error) {
	b.cfg.Progress("making schedules", 0, 0)
	ids := make([]string, len(p.scheduled))
	for i, a := range p.scheduled {
		ids[i] = a.id
	}
	start := time.Now().Add(paceLead)
	insert := `
INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
SELECT id, $2, $3::interval, ` + ledger.SlotAfter("id", "$3::interval", "clock_timestamp() + $4::interval") + `
FROM unnest($1::uuid[]) AS id`
	if _, err := b.db.Exec(ctx, insert, ids, string(syncjob.Balances), p.every, paceLead); err != nil {
		return start, fmt.Errorf("making schedules: %w", err)
	}
	return start, nil
}

// pace asks by hand while the schedules run, ends them after so long, and gives how many
// jobs there were.
func (b *bench) pace(ctx context.Context, f *fleet, p pacing, lasts time.Duration) (int, error) {
	// No account is asked for sooner than a schedule would.
	ticker := time.NewTicker(max(askedEvery, leastCadence/time.Duration(max(1, len(p.asked)))))
	defer ticker.Stop()
	began, shown := time.Now(), time.Now()
	for turn := 0; time.Since(began) < lasts; turn++ {
		if len(p.asked) > 0 {
			id := p.asked[turn%len(p.asked)].id
			if err := b.queueJobs(ctx, []string{id}, syncjob.Balances, syncjob.Manual); err != nil {
				return 0, err
			}
		}
		if time.Since(shown) > time.Second {
			shown = time.Now()
			b.cfg.Progress("running at half rate", int(time.Since(began).Seconds()), int(lasts.Seconds()))
			if err := f.ended(); err != nil {
				return 0, err
			}
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-ticker.C:
		}
	}
	return b.endSchedules(ctx)
}

// endSchedules ends the schedules and counts the jobs. Whoever plans holds the rows of
// what he plans, so no job is made after that; and they are locked here in his order.
func (b *bench) endSchedules(ctx context.Context) (made int, err error) {
	const end = `
WITH held AS MATERIALIZED (
    SELECT subject_id, data_type FROM alphapulse.schedules ORDER BY subject_id, data_type FOR UPDATE)
UPDATE alphapulse.schedules s SET enabled = false FROM held h WHERE s.subject_id = h.subject_id AND s.data_type = h.data_type`
	if err := b.execAll(ctx, end); err != nil {
		return 0, err
	}
	if err = b.db.QueryRow(ctx, `SELECT count(*) FROM alphapulse.sync_jobs`).Scan(&made); err != nil {
		err = fmt.Errorf("counting the jobs: %w", err)
	}
	return made, err
}

// started is how soon jobs started, in seconds.
type started struct{ p50, p99 float64 }

// askedStart is how soon those started that were asked for by hand.
func (b *bench) askedStart(ctx context.Context) (s started, err error) {
	const query = `
SELECT coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - queued_at)), 0),
       coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - queued_at)), 0)
FROM alphapulse.sync_jobs WHERE trigger = 'manual'`
	if err = b.db.QueryRow(ctx, query).Scan(&s.p50, &s.p99); err != nil {
		err = fmt.Errorf("reading how soon jobs started that were asked for: %w", err)
	}
	return s, err
}

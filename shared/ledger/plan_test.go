package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// fleet adds n active accounts of one market with default schedules that are
// due, and gives the market's id.
func (b bundle) fleet(n int) string {
	b.t.Helper()
	var marketID string
	require.NoError(b.t, b.db.InTx(b.ctx(), "fleet", func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if marketID, err = ensureMarket(ctx, tx, testMarket()); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
INSERT INTO alphapulse.accounts (name, market_id, status, key_version)
SELECT 'a' || n, $1, 'active', 1 FROM generate_series(1, $2) n RETURNING id`, marketID, n)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := addAccountSchedules(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	}))
	return marketID
}

// perAccount is how many types an account has on schedule by default: six of
// data and the probe, which has a run of its own.
const perAccount = 7

func (b bundle) makeDue(ago string) {
	b.t.Helper()
	b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() - $1::interval`, ago)
}

func (b bundle) due() int {
	b.t.Helper()
	return b.count(`SELECT count(*) FROM alphapulse.schedules WHERE enabled AND next_at <= clock_timestamp()`)
}

func TestRule05OneRunPerSlotWithManySchedulers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const accounts = 1000
	b.fleet(accounts)
	b.makeDue("5 seconds")
	planned := concurrently(t, 4, func(int) (Planned, error) {
		var sum Planned
		for range 10_000 {
			p, err := b.PlanDue(t.Context(), syncjob.Account, 30)
			if err != nil || b.count(`SELECT count(*) FROM alphapulse.schedules
				WHERE account_id IS NOT NULL AND next_at <= clock_timestamp()`) == 0 {
				sum.Runs, sum.Jobs = sum.Runs+p.Runs, sum.Jobs+p.Jobs
				return sum, err
			}
			sum.Runs, sum.Jobs = sum.Runs+p.Runs, sum.Jobs+p.Jobs
		}
		return sum, nil
	})
	var runs, jobs int
	for _, p := range planned {
		runs, jobs = runs+p.Runs, jobs+p.Jobs
	}
	require.Equal(t, accounts, b.count(`SELECT count(DISTINCT account_id) FROM alphapulse.sync_runs`), "none lost")
	require.Equal(t, perAccount*accounts, b.count(`
SELECT count(DISTINCT (account_id, data_type)) FROM alphapulse.sync_jobs`), "none lost")
	require.Equal(t, perAccount*accounts, b.count(`SELECT count(*) FROM alphapulse.sync_jobs`), "none doubled")
	require.Equal(t, perAccount*accounts, jobs)
	require.Equal(t, b.count(`SELECT count(*) FROM alphapulse.sync_runs`), runs)
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.sync_runs r WHERE jobs_total <>
		(SELECT count(*) FROM alphapulse.sync_jobs j WHERE j.run_id = r.id) OR jobs_total = 0`))
}

func TestRule05ATickTakesAllDueTypesOfASubjectInOneRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(1)
	b.makeDue("0")
	planned, err := b.PlanDue(t.Context(), syncjob.Account, 1)
	require.NoError(t, err)
	require.Equal(t, Planned{Runs: 2, Jobs: perAccount}, planned)
	runs, err := b.Runs(t.Context(), RunFilter{Trigger: syncjob.Schedule})
	require.NoError(t, err)
	require.Len(t, runs, 2)
	deadlines := map[string]time.Duration{}
	for _, run := range runs {
		deadlines[strings.Join(run.Types, ",")] = run.DeadlineAt.Sub(*run.StartedAt).Round(time.Second)
	}
	require.Equal(t, map[string]time.Duration{
		"balances,positions,orders,fills,ledger,closed_pnl": 10 * time.Minute,
		"probe": time.Minute,
	}, deadlines, "twice the longest cadence; a probe is no data")

	planned, err = b.PlanDue(t.Context(), syncjob.Market, 1)
	require.NoError(t, err)
	require.Equal(t, Planned{Runs: 1, Jobs: 2}, planned, "prices and instruments")
}

func TestRule05OnlyWhatIsDueIsPlanned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(1)
	b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() + interval '1 hour'`)
	b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() WHERE data_type = 'orders'`)
	planned, err := b.PlanDue(t.Context(), syncjob.Account, 10)
	require.NoError(t, err)
	require.Equal(t, Planned{Runs: 1, Jobs: 1}, planned)
	b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp(), enabled = false`)
	planned, err = b.PlanDue(t.Context(), syncjob.Account, 10)
	require.NoError(t, err)
	require.Zero(t, planned)
}

func TestRule05AfterDowntimeOnlyTheNewestSlotIsPlanned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(20)
	b.exec(`UPDATE alphapulse.schedules SET next_at = next_at - interval '48 hours'`)
	planned, err := b.PlanDue(t.Context(), syncjob.Account, 1000)
	require.NoError(t, err)
	require.Equal(t, Planned{Runs: 2 * 20, Jobs: perAccount * 20}, planned)
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.schedules, (SELECT max(created_at) AS at FROM alphapulse.sync_runs) p
WHERE account_id IS NOT NULL AND (next_at <= p.at OR next_at > p.at + every + interval '1 s')`))
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.schedules s WHERE account_id IS NOT NULL
AND next_at <> date_bin(every, next_at, timestamptz '2000-01-01 00:00:00+00' +
    make_interval(secs => (hashtext(subject_id::text) & 2147483647) % 86400000 / 1000.0))`), "slots keep their phase")
}

func TestRule05SlotsOfSubjectsSpread(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(300)
	require.Greater(t, b.count(`SELECT count(DISTINCT extract(epoch FROM next_at)::bigint % 60)
FROM alphapulse.schedules WHERE data_type = 'balances'`), 50)
	most := b.count(`SELECT max(n) FROM (SELECT count(*) AS n FROM alphapulse.schedules
WHERE data_type = 'balances' GROUP BY extract(epoch FROM next_at)::bigint % 60) c`)
	require.Less(t, most, 20)
	require.Greater(t, b.count(`SELECT count(DISTINCT extract(milliseconds FROM next_at)::integer % 1000)
FROM alphapulse.schedules WHERE data_type = 'balances'`), 200, "those of a second are not due at once")
}

func TestRule05SkippedSlotsAreCounted(t *testing.T) {
	t.Parallel()
	for name, obstacle := range map[string]func(b bundle, market string){
		"open job": func(b bundle, _ string) {
			b.makeDue("0")
			_, err := b.PlanDue(b.ctx(), syncjob.Account, 10)
			require.NoError(b.t, err)
		},
		"paused market": func(b bundle, market string) {
			require.NoError(b.t, b.PauseMarket(b.ctx(), market, time.Hour, "test"))
		},
		"banned": func(b bundle, market string) {
			require.NoError(b.t, b.BanEgress(b.ctx(), "here", market, "403", time.Hour))
		},
		"inactive account": func(b bundle, _ string) {
			b.exec(`UPDATE alphapulse.accounts SET status = 'needs_attention'`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			obstacle(b, b.fleet(1))
			before := b.count(`SELECT count(*) FROM alphapulse.sync_runs`)
			b.makeDue("0")
			planned, err := b.PlanDue(t.Context(), syncjob.Account, 10)
			require.NoError(t, err)
			require.Equal(t, Planned{Skipped: perAccount}, planned)
			require.Equal(t, perAccount, b.count(`SELECT sum(skipped) FROM alphapulse.schedules WHERE account_id IS NOT NULL`))
			require.Equal(t, before, b.count(`SELECT count(*) FROM alphapulse.sync_runs`), "no run without jobs")
			require.Equal(t, 2, b.due(), "the slots have passed; the market's alone are left")
		})
	}
}

func TestABanOfOneOfTwoAddressesStopsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	market := b.fleet(1)
	require.NoError(t, b.BanEgress(t.Context(), "here", market, "403", time.Hour))
	left, err := b.SeeEgress(t.Context(), "here", market)
	require.NoError(t, err)
	require.InDelta(t, time.Hour, left, float64(time.Minute))
	left, err = b.SeeEgress(t.Context(), "there", market)
	require.NoError(t, err)
	require.Zero(t, left)
	bans, err := b.Bans(t.Context())
	require.NoError(t, err)
	require.Len(t, bans, 1)
	b.makeDue("0")
	planned, err := b.PlanDue(t.Context(), syncjob.Account, 10)
	require.NoError(t, err)
	require.Equal(t, perAccount, planned.Jobs)
}

func TestASubjectInAnotherSchedulersHandsIsLeftToIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(2)
	b.makeDue("0")
	require.NoError(t, b.db.InTx(t.Context(), "hold", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM alphapulse.accounts WHERE name = 'a1' FOR NO KEY UPDATE`)
		require.NoError(t, err)
		planned, err := b.PlanDue(t.Context(), syncjob.Account, 10)
		require.NoError(t, err)
		require.Equal(t, Planned{Runs: 2, Jobs: perAccount}, planned)
		return nil
	}))
}

// One account's follower, held back behind a run that hangs, must not stop the
// prices of everyone.
func TestAHeldBackJobDoesNotHoldUpItsMarket(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.claim(b.jobOf(b.manual(account, syncjob.Positions).ID, syncjob.Positions))
	b.manual(account, syncjob.Prices)
	b.makeDue("0")
	planned, err := b.PlanDue(t.Context(), syncjob.Market, 10)
	require.NoError(t, err)
	require.Equal(t, Planned{Runs: 1, Jobs: 2}, planned, "prices and instruments")
}

func TestAMarketWithoutAccountsIsNotRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(0)
	b.makeDue("0")
	planned, err := b.PlanDue(t.Context(), syncjob.Market, 10)
	require.NoError(t, err)
	require.Equal(t, Planned{Skipped: 2}, planned)
}

func TestRule08LoadAboveTheBudgetStretchesTheCadence(t *testing.T) {
	t.Parallel()
	b := setup(t)
	market := b.fleet(10)
	perSecond := 1.0/60 + 4.0/30 + 9.0/30 + 4.0/60 + 2*4.0/300 + 4.0/86400 // balances to orders, fills, ledgers, probe
	load := 10*perSecond + 4.0/15 + 4.0/3600                               // and the market's prices and instruments
	stretched, err := b.Stretch(t.Context(), load/2.5)
	require.NoError(t, err)
	require.InDelta(t, 2.5, stretched[market], 0.11)

	b.makeDue("0")
	_, err = b.PlanDue(t.Context(), syncjob.Account, 100)
	require.NoError(t, err)
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.schedules
WHERE account_id IS NOT NULL AND next_at < clock_timestamp() + 2 * every`))
	fresh, err := b.Freshness(t.Context(), "a1")
	require.NoError(t, err)
	require.InDelta(t, 2.5, fresh[0].Stretch, 0.11)

	for _, budget := range []float64{0, 0.5 + load} {
		stretched, err = b.Stretch(t.Context(), budget)
		require.NoError(t, err)
		require.Empty(t, stretched)
	}
}

func TestSetCadenceMovesTheNextSlot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	subject := syncjob.Subject{Kind: syncjob.Account, ID: account.ID}
	require.NoError(t, b.SetCadence(t.Context(), subject, syncjob.Balances, time.Hour))
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.schedules WHERE every = interval '1 hour'
AND next_at > clock_timestamp() AND next_at <= clock_timestamp() + interval '1 hour'`))
	require.ErrorIs(t, b.SetCadence(t.Context(), subject, syncjob.Prices, time.Hour), ErrNotFound)
}

// TestAJobPlannedAsTakenIsOneThatWasTaken: the rows are the same, and what is to be
// published, whether a job is planned and then taken or both at once.
func TestAJobPlannedAsTakenIsOneThatWasTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(3)
	const rows = `
SELECT string_agg(to_jsonb(j)::text || to_jsonb(r)::text, E'\n' ORDER BY j.subject_id, j.data_type) FROM (
    SELECT j.subject_id, j.account_id, j.market_id, j.data_type, j.lane, j.trigger, j.consumer, j.status, j.publishes, j.next_at,
           j.published_at IS NULL AS unpublished, j.stream_seq, j.attempt, j.max_attempts, j.queued_at - r.created_at < interval '1 s' AS at_once
    FROM alphapulse.sync_jobs j JOIN alphapulse.sync_runs r ON r.id = j.run_id) j,
  LATERAL (SELECT r.requested_types, r.trigger, r.status, r.jobs_total, r.account_id, r.market_id, r.follows,
                  date_trunc('second', r.deadline_at - r.started_at) AS lasts, r.created_at <= r.started_at AS started
           FROM alphapulse.sync_runs r WHERE r.subject_id = j.subject_id AND j.data_type = ANY (r.requested_types)) r`
	var expected, got string
	b.makeDue("1 second")
	planned, err := b.PlanDue(t.Context(), syncjob.Account, 100)
	require.NoError(t, err)
	due := b.publish()
	b.read(&expected, rows)
	b.exec(`TRUNCATE alphapulse.sync_runs, alphapulse.sync_jobs CASCADE`)

	b.makeDue("1 second")
	again, slots, jobs, err := b.PlanTaken(t.Context(), syncjob.Account, Batch{Limit: 100})
	require.NoError(t, err)
	require.Equal(t, planned, again)
	require.Len(t, slots, 3*perAccount)
	b.read(&got, rows)
	require.Equal(t, strings.Split(expected, "\n"), strings.Split(got, "\n"))
	require.Equal(t, withoutIDs(slices.Collect(maps.Values(due))), withoutIDs(jobs))
	for _, job := range jobs {
		require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.sync_jobs j JOIN alphapulse.sync_runs r ON r.id = j.run_id
WHERE j.id = $1 AND r.id = $2 AND j.data_type = $3 AND r.deadline_at = $4 AND r.created_at = $5 AND j.published_at = $5`,
			job.JobID, job.RunID, string(job.DataType), job.ExpiresAt, job.PlannedAt), "%+v", job)
	}
}

func (b bundle) read(value *string, sql string) {
	b.t.Helper()
	require.NoError(b.t, b.db.QueryRow(b.ctx(), sql).Scan(value))
}

// withoutIDs are publications without what differs each time, in order.
func withoutIDs(jobs []Publication) []string {
	var texts []string
	for _, job := range jobs {
		expires := job.ExpiresAt != nil
		job.JobID, job.RunID, job.PlannedAt, job.ExpiresAt = "", "", time.Time{}, nil
		texts = append(texts, fmt.Sprintf("%+v expires: %v", job, expires))
	}
	slices.Sort(texts)
	return texts
}

// TestAJobPlannedAsTakenAndForgottenIsPublished: its process died before.
func TestAJobPlannedAsTakenAndForgottenIsPublished(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(1)
	b.makeDue("1 second")
	_, _, jobs, err := b.PlanTaken(t.Context(), syncjob.Account, Batch{Limit: 100})
	require.NoError(t, err)
	require.Len(t, jobs, perAccount)
	require.Empty(t, b.publish())
	b.exec(`UPDATE alphapulse.sync_jobs SET published_at = published_at - interval '11 seconds'`)
	n, err := b.RepublishUnconfirmed(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, perAccount, n)
	for _, job := range b.publish() {
		require.Equal(t, 2, job.Publishes)
	}
}

// TestASlotOfAnUnknownTypeMakesNoRun: a newer release may have scheduled it.
func TestASlotOfAnUnknownTypeMakesNoRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(1)
	b.exec(`UPDATE alphapulse.schedules SET enabled = false`)
	b.exec(`INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
		SELECT id, 'from_tomorrow', '1 minute', clock_timestamp() - interval '1 s' FROM alphapulse.accounts`)
	planned, err := b.PlanDue(t.Context(), syncjob.Account, 100)
	require.NoError(t, err)
	require.Equal(t, Planned{Skipped: 1}, planned)
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.sync_runs`))
}

// TestSkippedSlotsAreLeft: to the batch that is planned beside.
func TestSkippedSlotsAreLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(3)
	b.exec(`UPDATE alphapulse.schedules SET enabled = data_type = 'balances' AND account_id IS NOT NULL`)
	b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() - (SELECT count(*) FROM alphapulse.accounts a
		WHERE a.name >= (SELECT name FROM alphapulse.accounts WHERE id = account_id)) * interval '1 s' WHERE enabled`)
	planned, slots, _, err := b.PlanTaken(t.Context(), syncjob.Account, Batch{Skip: 2, Limit: 10})
	require.NoError(t, err)
	require.Equal(t, Planned{Runs: 1, Jobs: 1}, planned)
	account, err := b.AccountByName(t.Context(), "a3")
	require.NoError(t, err)
	require.Equal(t, account.ID, slots[0].SubjectID, "the last that became due")
}

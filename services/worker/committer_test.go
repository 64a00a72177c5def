package worker

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// member is a job of a group, with what was read for it.
type member struct {
	*bench
	job *ledger.Claimed
	res result
}

func (b *bench) member(job *ledger.Claimed, r reading) member {
	b.t.Helper()
	a := b.attempt(job)
	res := result{outcome: judge(job, r, time.Now()).outcome}
	a.store(&res, r)
	return member{b, job, res}
}

// commitTogether commits members as one group, and each that the group does not
// settle alone, as a worker does.
func commitTogether(t *testing.T, members ...member) ([]ledger.Settled, []error) {
	t.Helper()
	l := members[0].ledger
	c := newCommitter(l, newLeases(l, func(string) {}, queuetest.Discard()), queuetest.Discard())
	group := make([]*committing, len(members))
	for i, m := range members {
		require.True(t, c.takes(m.job, m.res))
		group[i] = &committing{
			lease: &lease{extended: time.Now()}, job: m.job, out: m.res.outcome, storing: m.res.storing,
			done: make(chan struct{}),
		}
	}
	c.commitGroup(group)
	settled, errs := make([]ledger.Settled, len(members)), make([]error, len(members))
	for i, x := range group {
		<-x.done
		if settled[i] = x.settled; x.err != nil {
			settled[i], errs[i] = l.CommitAfterGroup(t.Context(), members[i].job, members[i].res.outcome, members[i].res.write, x.err)
		}
	}
	return settled, errs
}

func (b *bench) amounts() map[string]string {
	b.t.Helper()
	rows, err := b.db.Query(b.t.Context(), `SELECT asset, total::text FROM alphapulse.balances WHERE account_id = $1`, b.account)
	require.NoError(b.t, err)
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var asset, total string
		require.NoError(b.t, rows.Scan(&asset, &total))
		found[asset] = total
	}
	require.NoError(b.t, rows.Err())
	return found
}

func TestAGroupWritesTheRowsOfEachOfItsJobs(t *testing.T) {
	t.Parallel()
	one := setup(t)
	two, three := one.another("two"), one.another("three")
	start := time.Now().UTC().Truncate(time.Millisecond)
	one.commit(one.scheduled(), one.walked(start, map[string]string{"BTC": "1", "ETH": "2"}))
	two.commit(two.scheduled(), two.walked(start, map[string]string{"BTC": "5"}))

	later := start.Add(time.Second)
	settled, errs := commitTogether(t,
		one.member(one.scheduled(), one.walked(later, map[string]string{"BTC": "1", "SOL": "3"})),
		two.member(two.scheduled(), two.walked(later, map[string]string{"BTC": "5"})),
		three.member(three.scheduled(), three.walked(later, map[string]string{"BTC": "7", "ETH": "8"})),
	)
	require.Equal(t, []error{nil, nil, nil}, errs)
	require.Equal(t, []ledger.Written{{Changed: 1, Deleted: 1}, {}, {Changed: 2}},
		[]ledger.Written{settled[0].Written, settled[1].Written, settled[2].Written})
	require.Equal(t, map[string]string{"BTC": "1", "SOL": "3"}, one.amounts())
	require.Equal(t, map[string]string{"BTC": "5"}, two.amounts())
	require.Equal(t, map[string]string{"BTC": "7", "ETH": "8"}, three.amounts())
	var closed int
	require.NoError(t, one.db.QueryRow(t.Context(), `
SELECT count(*) FROM alphapulse.balances_history WHERE account_id = $1 AND asset = 'ETH' AND valid_from = $2 AND valid_to = $3`,
		one.account, start, later).Scan(&closed))
	require.Equal(t, 1, closed, "the asset that is gone was there until then")
}

// A fault in one job of a batch fails only that job.
func TestABadRowOfOneJobHarmsNoOtherOfItsGroup(t *testing.T) {
	t.Parallel()
	one := setup(t)
	two, three := one.another("two"), one.another("three")
	now := time.Now().UTC().Truncate(time.Millisecond)
	settled, errs := commitTogether(t,
		one.member(one.scheduled(), one.walked(now, map[string]string{"BTC": "1"})),
		two.member(two.scheduled(), two.walked(now, map[string]string{"BTC": "no number"})),
		three.member(three.scheduled(), three.walked(now, map[string]string{"BTC": "3"})),
	)
	require.NoError(t, errs[0])
	require.ErrorContains(t, errs[1], "invalid input syntax")
	require.NoError(t, errs[2])
	require.True(t, settled[0].Applied && settled[2].Applied)
	require.Equal(t, map[string]string{"BTC": "1"}, one.amounts())
	require.Empty(t, two.amounts())
	require.Equal(t, map[string]string{"BTC": "3"}, three.amounts())
}

func TestAPanicOfOneJobHarmsNoOtherOfItsGroup(t *testing.T) {
	t.Parallel()
	one := setup(t)
	two := one.another("two")
	now := time.Now().UTC().Truncate(time.Millisecond)
	bad := two.walked(now, map[string]string{"BTC": "2"})
	bad.parts[0].writer = snapshot.NewWriter(positionsTable()) // has more columns than the rows
	poisoned := two.member(two.scheduled(), bad)
	poisoned.res.write = nil // alone it would take the process with it
	settled, errs := commitTogether(t, one.member(one.scheduled(), one.walked(now, map[string]string{"BTC": "1"})), poisoned)
	require.NoError(t, errs[0])
	require.True(t, settled[0].Applied)
	require.Equal(t, map[string]string{"BTC": "1"}, one.amounts())
	require.Empty(t, two.amounts())
}

func TestASupersededJobOfAGroupStoresNothing(t *testing.T) {
	t.Parallel()
	one := setup(t)
	two := one.another("two")
	start := time.Now().UTC().Truncate(time.Millisecond)
	one.commit(one.scheduled(), one.walked(start.Add(time.Second), map[string]string{"BTC": "2"}))
	two.commit(two.scheduled(), two.walked(start, map[string]string{"BTC": "2"}))
	settled, errs := commitTogether(t,
		one.member(one.manual(), one.walked(start, map[string]string{"BTC": "1"})),
		two.member(two.manual(), two.walked(start.Add(2*time.Second), map[string]string{"BTC": "3"})),
	)
	require.Equal(t, []error{nil, nil}, errs)
	require.Equal(t, syncjob.Waiting, settled[0].Status)
	require.Equal(t, syncjob.Succeeded, settled[1].Status)
	require.Equal(t, map[string]string{"BTC": "2"}, one.amounts())
	require.Equal(t, map[string]string{"BTC": "3"}, two.amounts())
}

// The time of a group is that of the leases when it begins, however old they were when
// the outcomes came; one that is nearly over cuts no other short.
func TestAGroupHasTheTimeOfTheLeasesThatHoldWhenItBegins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	held := newLeases(b.ledger, func(string) {}, queuetest.Discard())
	c := newCommitter(b.ledger, held, queuetest.Discard())
	now, whole := time.Now(), b.ledger.Settings().Lease
	waiting := func(age time.Duration) *committing {
		return &committing{lease: &lease{extended: now.Add(-age)}, done: make(chan struct{})}
	}
	fresh, late, over := waiting(0), waiting(whole-leaseMargin), waiting(whole-leaseLeft)
	late.lease.extended = now.Add(-time.Second) // a heartbeat, while it waited for its group
	within, until := c.begin([]*committing{fresh, late, over})
	require.Equal(t, []*committing{fresh, late}, within)
	require.Equal(t, now.Add(whole-time.Second), until)
	<-over.done
	require.ErrorIs(t, over.err, errLeaseEnding)
	require.True(t, over.lease.committed && fresh.lease.committed, "no heartbeat waits for the rows that a commit holds")
}

// Jobs that end at the same time are committed, each with its own fate, whichever
// group they come into.
func TestManyCommitsAtOnceAreEachSettled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := newCommitter(b.ledger, newLeases(b.ledger, func(string) {}, queuetest.Discard()), queuetest.Discard())
	const n = 24
	members := make([]member, n)
	for i := range members {
		other := b.another(string(rune('a' + i)))
		members[i] = other.member(other.manual(), other.walked(time.Now().UTC(), map[string]string{"BTC": "1"}))
	}
	var all sync.WaitGroup
	for _, m := range members {
		all.Go(func() {
			settled, err := c.commit(&lease{extended: time.Now()}, m.job, m.res)
			if err == nil && settled.Status != syncjob.Succeeded {
				err = context.Canceled
			}
			if err != nil {
				t.Errorf("%+v: %v", settled, err)
			}
		})
	}
	all.Wait()
	for _, m := range members {
		require.Equal(t, map[string]string{"BTC": "1"}, m.amounts())
	}
}

// version is the transaction that last wrote the account's row, and its scope's
// as_of.
func (b *bench) version() (xmin string, asOf time.Time) {
	b.t.Helper()
	require.NoError(b.t, b.db.QueryRow(b.t.Context(), `
SELECT coalesce((SELECT max(xmin::text) FROM alphapulse.balances WHERE account_id = $1), 'none'),
       (SELECT as_of FROM alphapulse.sync_scopes WHERE account_id = $1 AND scope = 'unified')`, b.account).Scan(&xmin, &asOf))
	return xmin, asOf
}

// What the schedule reads and equals what is stored is not compared; what somebody
// asks for is, and so is what differs in anything that is written.
func TestAnEqualSnapshotOfTheScheduleIsNotCompared(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	held := map[string]string{"BTC": "1", "ETH": "2"}
	b.commit(b.scheduled(), b.walked(at(0), held))

	b.exec(`DELETE FROM alphapulse.balances WHERE account_id = $1 AND asset = 'ETH'`, b.account)
	before, _ := b.version()
	b.commit(b.scheduled(), b.walked(at(1), held))
	after, asOf := b.version()
	require.Equal(t, before, after)
	require.Equal(t, at(1), asOf.UTC(), "it is as fresh as it was read")
	require.Len(t, b.amounts(), 1, "nobody looked")

	b.commit(b.manual(), b.walked(at(2), held))
	require.Equal(t, held, b.amounts(), "who asks gets a comparison")

	snap := exchange.Snapshot[exchange.Balance]{Scope: "unified", AsOf: at(3), Complete: true, Rows: []exchange.Balance{
		{Wallet: "unified", Asset: "BTC", Total: "1", USDValue: "60000"}, {Wallet: "unified", Asset: "ETH", Total: "2"},
	}}
	b.commit(b.scheduled(), reading{parts: []part{snapshotPart(snap, b.writer, balanceValues)}})
	var usd *string
	require.NoError(t, b.db.QueryRow(t.Context(), `
SELECT usd_value::text FROM alphapulse.balances WHERE account_id = $1 AND asset = 'BTC'`, b.account).Scan(&usd))
	require.NotNil(t, usd, "what follows the market is written too")
	require.Equal(t, "60000", *usd)
}

// A scope that was not read whole is compared the next time, whatever comes.
func TestAnIncompleteWalkLeavesNoHash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	held := map[string]string{"BTC": "1"}
	b.commit(b.scheduled(), b.walked(start, held))
	broken := b.walked(start.Add(time.Second), map[string]string{"BTC": "2"})
	broken.parts[0].fault = &exchange.Error{Class: exchange.Incomplete, Message: "the walk broke off"}
	broken.parts[0].hash = nil
	broken.parts[0].set.Whole = false
	b.commit(b.scheduled(), broken)
	require.Equal(t, map[string]string{"BTC": "2"}, b.amounts())
	b.commit(b.scheduled(), b.walked(start.Add(2*time.Second), held))
	require.Equal(t, held, b.amounts())
}

// The hash ends no snapshot that is older than what is stored: its time does not go back.
func TestAnEqualSnapshotThatIsOlderIsSuperseded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	held := map[string]string{"BTC": "1"}
	b.commit(b.scheduled(), b.walked(start, held))
	for _, age := range []time.Duration{0, time.Second} {
		settled, errs := commitTogether(t, b.member(b.scheduled(), b.walked(start.Add(-age), held)))
		require.NoError(t, errs[0])
		require.Equal(t, syncjob.Skipped, settled[0].Status)
		_, asOf := b.version()
		require.Equal(t, start, asOf.UTC())
	}
}

// A scope that is as it was is as good as one that was written: it is complete, and what
// was wrong with it is over. Beside it another scope of the job is written.
func TestAnEqualScopeIsBroughtUpToDateBesideAChangedOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	both := func(after time.Duration, unified, fund string) reading {
		return reading{parts: []part{
			b.walked(start.Add(after), map[string]string{"BTC": unified}).parts[0],
			snapshotPart(exchange.Snapshot[exchange.Balance]{
				Scope: "fund", AsOf: start.Add(after), Complete: true,
				Rows: []exchange.Balance{{Wallet: "fund", Asset: "ETH", Total: exchange.Number(fund)}},
			}, b.writer, balanceValues),
		}}
	}
	b.commit(b.scheduled(), both(0, "1", "2"))
	b.exec(`UPDATE alphapulse.sync_scopes SET complete = false, error_class = 'incomplete', error_at = now()`)
	b.commit(b.scheduled(), both(time.Second, "1", "3"))
	require.Equal(t, map[string]string{"BTC": "1", "ETH": "3"}, b.amounts())
	rows, err := b.db.Query(t.Context(), `
SELECT scope FROM alphapulse.sync_scopes WHERE account_id = $1 AND as_of = $2 AND complete AND error_class IS NULL AND error_at IS NULL
ORDER BY scope`, b.account, start.Add(time.Second))
	require.NoError(t, err)
	scopes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"fund", "unified"}, scopes)
}

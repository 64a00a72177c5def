package ledger

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alphapulse/alphapulse/shared/postgres/effects"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// machine does to a ledger whatever schedulers, workers, aggregators and people
// do, one step at a time, and keeps the claims it was given.
type machine struct {
	bundle
	accounts []Account
	claims   []*Claimed
	pick     func(n int) int
}

// steps are what can happen. Each may find nothing to do; none may fail.
func (m *machine) steps() []func() error {
	return []func() error{
		m.plan, m.startManual, m.take, m.claimOne, m.claimOne, m.commitOne, m.commitOne, m.extend, m.release,
		m.loseLease, m.endRun, m.foldSome, m.sweep, m.backfillSome, m.verifySome, m.letGoHeld,
	}
}

func (m *machine) one(sql string, args ...any) (string, bool) {
	rows, err := m.db.Query(m.ctx(), sql, args...)
	if err != nil {
		return "", false
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) == 0 {
		return "", false
	}
	return found[m.pick(len(found))], true
}

func (m *machine) plan() error {
	_, err := m.db.Exec(m.ctx(), `UPDATE alphapulse.schedules SET next_at = clock_timestamp() - interval '1 second'
WHERE (subject_id, data_type) IN (SELECT subject_id, data_type FROM alphapulse.schedules ORDER BY subject_id, data_type
                                  FOR UPDATE SKIP LOCKED)`)
	if err != nil {
		return err
	}
	if _, err = m.PlanDue(m.ctx(), syncjob.Market, 10); err == nil {
		_, err = m.PlanDue(m.ctx(), syncjob.Account, 10)
	}
	return err
}

func (m *machine) startManual() error {
	types := [][]syncjob.DataType{{syncjob.Balances}, {syncjob.Balances, syncjob.Prices}, {syncjob.Orders}}
	_, _, err := m.StartManual(m.ctx(), m.accounts[m.pick(len(m.accounts))].ID, types[m.pick(len(types))])
	return err
}

// backfillSome asks for one to ten weeks, so that some windows are held back.
func (m *machine) backfillSome() error {
	weeks := 1 + m.pick(10)
	_, err := m.StartBackfill(m.ctx(), BackfillRequest{
		AccountID: m.accounts[m.pick(len(m.accounts))].ID, Types: []syncjob.DataType{syncjob.Fills},
		Since: day(0), Until: day(7 * weeks),
	})
	if err == nil || errors.Is(err, ErrNothingMissing) {
		_, err = m.FillHoles(m.ctx(), 10)
	}
	return err
}

func (m *machine) verifySome() error {
	_, err := m.StartVerify(m.ctx(), VerifyRequest{AccountID: m.accounts[m.pick(len(m.accounts))].ID})
	if err == nil {
		_, err = m.PlanVerify(m.ctx(), 10)
	}
	return err
}

func (m *machine) letGoHeld() error {
	_, err := m.LetGoHeld(m.ctx(), 10)
	return err
}

func (m *machine) take() error {
	due, err := m.TakeDue(m.ctx(), 20)
	if err != nil {
		return err
	}
	var receipts []Receipt
	for i, p := range due {
		receipts = append(receipts, Receipt{JobID: p.JobID, Publishes: p.Publishes, Seq: uint64(i + 1), Created: time.Unix(1, 0)})
	}
	return m.Confirm(m.ctx(), receipts)
}

func (m *machine) claimOne() error {
	id, ok := m.one(`SELECT id FROM alphapulse.sync_jobs WHERE status <> 'succeeded' ORDER BY queued_at DESC LIMIT 20`)
	if !ok {
		return nil
	}
	job, _, err := m.Claim(m.ctx(), ClaimRequest{JobID: id, Claim: uuid.NewString(), Publishes: 1 + m.pick(2)})
	if job != nil {
		m.claims = append(m.claims, job)
	}
	return err
}

func (m *machine) commitOne() error {
	if len(m.claims) == 0 {
		return nil
	}
	job := m.claims[m.pick(len(m.claims))]
	outcomes := []Outcome{
		succeeded(), succeeded(), failed(syncjob.Decode), retry(syncjob.Transient), retry(syncjob.RateLimited),
		{Status: syncjob.Partial, Class: syncjob.Permission, AsOf: time.Now()},
	}
	out := outcomes[m.pick(len(outcomes))]
	if out.Counted && job.LastAttempt() {
		out = failed(out.Class)
	}
	_, err := m.Commit(m.ctx(), job, out, nil)
	return err
}

func (m *machine) holding() (Holding, bool) {
	if len(m.claims) == 0 {
		return Holding{}, false
	}
	job := m.claims[m.pick(len(m.claims))]
	return Holding{JobID: job.JobID, Claim: job.Claim}, true
}

func (m *machine) extend() error {
	var all []Holding
	for _, job := range m.claims {
		all = append(all, Holding{JobID: job.JobID, Claim: job.Claim})
	}
	if _, err := m.Extend(m.ctx(), all); err != nil {
		return err
	}
	_, err := m.Standing(m.ctx(), all)
	return err
}

func (m *machine) release() error {
	held, ok := m.holding()
	if !ok {
		return nil
	}
	_, err := m.Release(m.ctx(), held)
	return err
}

func (m *machine) loseLease() error {
	_, err := m.db.Exec(m.ctx(), `UPDATE alphapulse.sync_jobs SET lease_until = clock_timestamp() - interval '1 second'
WHERE id IN (SELECT id FROM alphapulse.sync_jobs WHERE status = 'running' LIMIT 1 FOR UPDATE SKIP LOCKED)`)
	if err != nil {
		return err
	}
	_, err = m.TakeBackLost(m.ctx(), 10)
	return err
}

func (m *machine) endRun() error {
	id, ok := m.one(`SELECT id FROM alphapulse.sync_runs WHERE status = 'running'`)
	if !ok || m.pick(3) > 0 {
		return nil
	}
	return m.EndRun(m.ctx(), id, syncjob.CancelDeadline)
}

func (m *machine) foldSome() error {
	id, ok := m.one(`SELECT id FROM alphapulse.sync_runs ORDER BY created_at DESC LIMIT 10`)
	if !ok {
		return nil
	}
	_, err := m.Fold(m.ctx(), id)
	return err
}

func (m *machine) sweep() error {
	if _, err := m.StartFollowers(m.ctx(), 10); err != nil {
		return err
	}
	if _, err := m.EndOverdue(m.ctx(), 10); err != nil {
		return err
	}
	ids, err := m.Unfolded(m.ctx(), 0, 10)
	for _, id := range ids {
		if _, err := m.Fold(m.ctx(), id); err != nil {
			return err
		}
	}
	return err
}

// drain does what the sweeps and one diligent worker do until no run is open,
// and reports whether it came to that.
func (m *machine) drain() bool {
	for range 200 {
		m.exec(`UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp() WHERE status = 'waiting'`)
		m.exec(`UPDATE alphapulse.sync_jobs SET lease_until = clock_timestamp() - interval '1 second' WHERE status = 'running'`)
		_, err := m.TakeBackLost(m.ctx(), 100)
		require.NoError(m.t, err)
		for id := range m.publish() {
			job, _, err := m.Claim(m.ctx(), m.request(id))
			require.NoError(m.t, err)
			if job != nil {
				m.commit(job, succeeded())
			}
		}
		require.NoError(m.t, m.sweep())
		require.NoError(m.t, m.letGoHeld())
		m.exec(`UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp()
WHERE status = 'queued' AND next_at IS NULL`) // what was released is delivered again
		if m.count(`SELECT count(*) FROM alphapulse.sync_runs WHERE status = 'running'`) == 0 {
			return true
		}
	}
	return false
}

// lawful are the changes of state that one step may make, as syncjob.Status
// draws them. A step may do several.
func lawful(from, to syncjob.Status) bool {
	if from == to {
		return true
	}
	return from.Open()
}

// observe reads all jobs and compares them with what they were before.
func (m *machine) observe(before map[string]row) map[string]row {
	rows, err := m.db.Query(m.ctx(), `SELECT id FROM alphapulse.sync_jobs`)
	require.NoError(m.t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(m.t, err)
	now := map[string]row{}
	for _, id := range ids {
		now[id] = m.row(id)
		was, known := before[id]
		if !known {
			continue
		}
		require.True(m.t, lawful(was.Status, now[id].Status), "%s to %s", was.Status, now[id].Status)
		if !was.Status.Open() {
			require.Equal(m.t, was, now[id], "a terminal job changed")
		}
	}
	return now
}

// check is what must hold at any time.
func (m *machine) check() {
	laws := effects.Laws()
	laws["more than four windows of an account and type out"] = `SELECT count(*) FROM (SELECT FROM alphapulse.sync_jobs
WHERE ` + inHand + ` GROUP BY subject_id, data_type HAVING count(*) > 4) x`
	broken, err := effects.Broken(m.ctx(), m.db, laws)
	require.NoError(m.t, err)
	require.Empty(m.t, broken)
}

// Random sequences of everything that can happen: the laws hold after every
// step, and whatever happened, every run ends.
func TestRandomSequencesKeepTheLaws(t *testing.T) {
	t.Parallel()
	b := setup(t)
	accounts := []Account{b.active("main"), b.active("other")}
	rapid.Check(t, func(rt *rapid.T) {
		b.exec(`DELETE FROM alphapulse.sync_runs`)
		m := &machine{bundle: b, accounts: accounts}
		m.pick = func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "pick") }
		seen := map[string]row{}
		for range rapid.IntRange(5, 25).Draw(rt, "steps") {
			steps := m.steps()
			require.NoError(rt, steps[m.pick(len(steps))]())
			seen = m.observe(seen)
			m.check()
		}
		require.True(rt, m.drain(), "a run did not end")
		m.observe(seen)
		m.check()
	})
}

// Everything at once: nothing fails, nobody deadlocks, the laws hold, and every
// run ends. A deadlock would be repaired by running a transaction again, so
// the repeats are counted: they show a wrong lock order.
func TestRule02EverythingAtOnceWithoutADeadlock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var accounts []Account
	for _, name := range []string{"a", "b", "c"} {
		accounts = append(accounts, b.active(name))
	}
	concurrently(t, 8, func(seed int) (struct{}, error) {
		random := rand.New(rand.NewPCG(uint64(seed), 7)) //nolint:gosec // a test's choice
		m := &machine{bundle: b, accounts: accounts, pick: random.IntN}
		for range 150 {
			steps := m.steps()
			if err := steps[m.pick(len(steps))](); err != nil {
				return struct{}{}, err
			}
			m.claims = slices.DeleteFunc(m.claims, func(*Claimed) bool { return len(m.claims) > 20 && random.IntN(2) == 0 })
		}
		return struct{}{}, nil
	})
	require.Zero(t, b.db.Stats().Retried, "transactions that lost against another one")
	m := &machine{bundle: b}
	m.check()
	require.True(t, m.drain(), "a run did not end")
	m.check()
}

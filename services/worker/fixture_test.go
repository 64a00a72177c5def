package worker

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// bench is one account in a database of its own, whose jobs a test claims and
// commits by hand.
type bench struct {
	t       *testing.T
	db      *postgres.DB
	ledger  *ledger.Ledger
	account string
	writer  *snapshot.Writer
}

func setup(t *testing.T) *bench {
	t.Helper()
	db := pgtest.New(t).Open(t)
	b := &bench{t: t, db: db, ledger: ledger.New(db, ledger.Settings{}), writer: snapshot.NewWriter(balancesTable())}
	b.account = b.add("one")
	return b
}

// another is one more account in the same database.
func (b *bench) another(name string) *bench {
	b.t.Helper()
	other := *b
	other.account = b.add(name)
	return &other
}

// add adds an account that is active and has nothing to do.
func (b *bench) add(name string) string {
	b.t.Helper()
	account, _, err := b.ledger.AddAccount(b.t.Context(), ledger.NewAccount{
		Name: name, Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: "http://127.0.0.1:1"},
		Seal: func(string, int) ([]byte, error) { return []byte("sealed"), nil },
	})
	require.NoError(b.t, err)
	probe := b.claimNext(syncjob.Probe)
	_, err = b.ledger.CommitProbe(b.t.Context(), probe, ledger.Outcome{Status: syncjob.Succeeded}, &ledger.KeyFacts{UID: name})
	require.NoError(b.t, err)
	runs, err := b.ledger.Runs(b.t.Context(), ledger.RunFilter{SubjectID: account.ID, Trigger: syncjob.Initial})
	require.NoError(b.t, err)
	require.Len(b.t, runs, 1)
	require.NoError(b.t, b.ledger.EndRun(b.t.Context(), runs[0].ID, syncjob.CancelUser))
	b.exec(`UPDATE alphapulse.schedules SET enabled = false`)
	return account.ID
}

func (b *bench) exec(sql string, args ...any) {
	b.t.Helper()
	_, err := b.db.Exec(b.t.Context(), sql, args...)
	require.NoError(b.t, err)
}

// claimNext publishes what is due and claims the job of a type.
func (b *bench) claimNext(dataType syncjob.DataType) *ledger.Claimed {
	b.t.Helper()
	due, err := b.ledger.TakeDue(b.t.Context(), 100)
	require.NoError(b.t, err)
	for _, p := range due {
		if p.DataType != dataType {
			continue
		}
		job, refusal, err := b.ledger.Claim(b.t.Context(), ledger.ClaimRequest{
			JobID: p.JobID, Claim: uuid.NewString(), Owner: "test", Publishes: p.Publishes,
		})
		require.NoError(b.t, err)
		require.NotNil(b.t, job, "%+v", refusal)
		return job
	}
	b.t.Fatalf("no %s job is due", dataType)
	return nil
}

func (b *bench) scheduled() *ledger.Claimed {
	b.t.Helper()
	b.exec(`UPDATE alphapulse.schedules SET enabled = data_type = 'balances', next_at = clock_timestamp()
	        WHERE account_id = $1`, b.account)
	_, err := b.ledger.PlanDue(b.t.Context(), syncjob.Account, 10)
	require.NoError(b.t, err)
	b.exec(`UPDATE alphapulse.schedules SET enabled = false`)
	return b.claimNext(syncjob.Balances)
}

func (b *bench) manual() *ledger.Claimed {
	b.t.Helper()
	_, _, err := b.ledger.StartManual(b.t.Context(), b.account, []syncjob.DataType{syncjob.Balances})
	require.NoError(b.t, err)
	return b.claimNext(syncjob.Balances)
}

func (b *bench) attempt(job *ledger.Claimed) *attempt {
	return &attempt{
		job: job, db: b.db, log: queuetest.Discard(), clock: exchange.NewClock(), claimedAt: time.Now(),
		metrics: newMeasures(nil).of(queue.Consumer{}), held: newHeldRows(),
	}
}

// walked is a complete walk of the unified wallet; amounts by asset.
func (b *bench) walked(asOf time.Time, amounts map[string]string) reading {
	snap := exchange.Snapshot[exchange.Balance]{Scope: "unified", AsOf: asOf, Complete: true}
	for asset, amount := range amounts {
		snap.Rows = append(snap.Rows, exchange.Balance{Wallet: "unified", Asset: asset, Total: exchange.Number(amount)})
	}
	return reading{parts: []part{snapshotPart(snap, b.writer, balanceValues)}}
}

// commit stores a reading as the outcome of a job, as the walk would.
func (b *bench) commit(job *ledger.Claimed, r reading) ledger.Settled {
	b.t.Helper()
	a := b.attempt(job)
	v := judge(job, r, time.Now())
	res := result{outcome: v.outcome}
	if v.store {
		a.store(&res, r)
	}
	settled, err := b.ledger.Commit(b.t.Context(), job, v.outcome, res.write)
	require.NoError(b.t, err)
	require.True(b.t, settled.Applied)
	return settled
}

// table is everything that the tables hold of the account's balances.
func (b *bench) table() string {
	b.t.Helper()
	var text string
	require.NoError(b.t, b.db.QueryRow(b.t.Context(), `
SELECT concat((SELECT jsonb_agg(to_jsonb(t) ORDER BY asset) FROM alphapulse.balances t WHERE account_id = $1),
              (SELECT jsonb_agg(to_jsonb(h) ORDER BY asset, valid_from) FROM alphapulse.balances_history h
               WHERE account_id = $1),
              (SELECT jsonb_agg(to_jsonb(s)) FROM alphapulse.sync_scopes s WHERE account_id = $1))`, b.account).Scan(&text))
	return text
}

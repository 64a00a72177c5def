package ledger

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// benchTogether is how many jobs go into one group of a benchmark.
const benchTogether = 16

// benched is a ledger with accounts that have nothing to do.
type benched struct {
	*Ledger
	b *testing.B
}

func bench(b *testing.B, accounts int) benched {
	b.Helper()
	db := pgtest.New(b).Open(b, func(c *postgres.Config) { c.ByIndex = true })
	l := benched{New(db, Settings{}), b}
	_, _, err := l.AddAccount(b.Context(), NewAccount{Name: "first", Market: testMarket(), Seal: seal})
	require.NoError(b, err)
	_, err = db.Exec(b.Context(), `
WITH made AS (
    INSERT INTO alphapulse.accounts (name, market_id, status, key_version)
    SELECT 'account-' || n, (SELECT id FROM alphapulse.markets), 'active', 1 FROM generate_series(1, $1::integer) n RETURNING id)
INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
SELECT id, 'balances', interval '1 hour', clock_timestamp() FROM made`, accounts)
	require.NoError(b, err)
	return l
}

// queued plans a job for each account and publishes it.
func (l benched) queued() []Publication {
	l.b.Helper()
	for {
		planned, err := l.PlanDue(l.b.Context(), syncjob.Account, 1000)
		require.NoError(l.b, err)
		if planned.Jobs == 0 {
			break
		}
	}
	due, err := l.TakeDue(l.b.Context(), 1_000_000)
	require.NoError(l.b, err)
	return slices.DeleteFunc(due, func(p Publication) bool { return p.DataType != syncjob.Balances })
}

func (l benched) claimAll(due []Publication) []*Claimed {
	l.b.Helper()
	var claimed []*Claimed
	for part := range slices.Chunk(due, benchTogether) {
		group := make([]ClaimRequest, len(part))
		for i, p := range part {
			group[i] = ClaimRequest{JobID: p.JobID, Claim: uuid.NewString(), Owner: "bench", Publishes: p.Publishes}
		}
		jobs, err := l.ClaimGroup(l.b.Context(), group)
		require.NoError(l.b, err)
		claimed = append(claimed, jobs...)
	}
	return claimed
}

func (l benched) commitAll(jobs []*Claimed) {
	l.b.Helper()
	for part := range slices.Chunk(jobs, benchTogether) {
		group := make([]Commitment, len(part))
		for i, job := range part {
			group[i] = Commitment{Job: job, Outcome: succeeded()}
		}
		settled, err := l.CommitGroup(l.b.Context(), group, func(_ context.Context, _ pgx.Tx, places []int) ([]Written, error) {
			return make([]Written, len(places)), nil
		})
		require.NoError(l.b, err)
		require.True(l.b, settled[0].Applied)
	}
}

// What one job costs of each step of its walk, in groups as they come under load.
func BenchmarkPlan(b *testing.B) {
	l := bench(b, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	jobs := 0
	for jobs < b.N {
		planned, err := l.PlanDue(b.Context(), syncjob.Account, 100)
		require.NoError(b, err)
		require.Positive(b, planned.Jobs)
		jobs += planned.Jobs
	}
}

func BenchmarkClaim(b *testing.B) {
	l := bench(b, b.N)
	due := l.queued()
	b.ReportAllocs()
	b.ResetTimer()
	require.Len(b, l.claimAll(due), b.N)
}

func BenchmarkCommit(b *testing.B) {
	l := bench(b, b.N)
	jobs := l.claimAll(l.queued())
	b.ReportAllocs()
	b.ResetTimer()
	l.commitAll(jobs)
}

func BenchmarkFold(b *testing.B) {
	l := bench(b, b.N)
	jobs := l.claimAll(l.queued())
	l.commitAll(jobs)
	b.ReportAllocs()
	b.ResetTimer()
	for part := range slices.Chunk(jobs, benchTogether) {
		ids := make([]string, len(part))
		for i, job := range part {
			ids[i] = job.RunID
		}
		folded, _, err := l.FoldGroup(b.Context(), ids)
		require.NoError(b, err)
		require.Len(b, folded, len(part))
	}
}

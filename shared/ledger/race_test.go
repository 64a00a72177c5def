package ledger

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// concurrently runs n calls at once and collects their results in order.
func concurrently[T any](t *testing.T, n int, call func(i int) (T, error)) []T {
	t.Helper()
	results, errs := make([]T, n), make([]error, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			results[i], errs[i] = call(i)
		})
	}
	close(start)
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	return results
}

func tally[T comparable](values []T) map[T]int {
	counts := map[T]int{}
	for _, v := range values {
		counts[v]++
	}
	return counts
}

// planned makes a scheduled run of one type, as a tick would, whatever else is
// open, and gives its job.
func (b bundle) planned(account Account, dataType syncjob.DataType) string {
	b.t.Helper()
	run, job := uuid.NewString(), uuid.NewString()
	subject, column := account.ID, "account_id"
	if dataType.Shared() {
		subject, column = account.MarketID, "market_id"
	}
	b.exec(`INSERT INTO alphapulse.sync_runs (id, `+column+`, requested_types, trigger, jobs_total, started_at, deadline_at)
VALUES ($1, $2, ARRAY[$3::text], 'schedule', 1, clock_timestamp(), clock_timestamp() + interval '1 minute')`,
		run, subject, string(dataType))
	b.exec(`INSERT INTO alphapulse.sync_jobs (id, run_id, `+column+`, data_type, lane, trigger, consumer, max_attempts, next_at)
VALUES ($1, $2, $3, $4::text, 'live', 'schedule', 'bybit-testnet-' || $4::text || '-live', 3, clock_timestamp())`,
		job, run, subject, string(dataType))
	return job
}

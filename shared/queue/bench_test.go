package queue_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// BenchmarkPublish is one job on its way into the stream, in batches as the scheduler
// sends them.
func BenchmarkPublish(b *testing.B) {
	q := queuetest.New(b).Queue()
	all := jobs(balances, 1, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for part := range slices.Chunk(all, 100) {
		for _, p := range q.PublishJobs(b.Context(), part) {
			require.NoError(b, p.Err)
		}
	}
}

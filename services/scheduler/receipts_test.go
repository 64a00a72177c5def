package scheduler

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// version is where a job's row lies, which each update changes.
func (f *fleet) version(jobID string) string {
	f.t.Helper()
	var at string
	require.NoError(f.t, f.db.QueryRow(f.t.Context(), `SELECT ctid::text FROM alphapulse.sync_jobs WHERE id = $1`, jobID).Scan(&at))
	return at
}

// claims takes the job of a delivery as a worker does.
func (f *fleet) claims(d queue.Delivery) {
	f.t.Helper()
	job, _, err := f.ledger.Claim(f.t.Context(), ledger.ClaimRequest{
		JobID: d.Job.JobID, Claim: uuid.NewString(), Owner: "test", Publishes: d.Job.Publishes,
		Seq: d.Seq, StreamCreated: d.StreamCreated,
	})
	require.NoError(f.t, err)
	require.NotNil(f.t, job)
}

// publishedTwo is a scheduler that has published two jobs and stored no receipt.
func (f *fleet) publishedTwo() *Scheduler {
	f.t.Helper()
	s, _ := f.scheduler(Config{})
	f.manual(f.accounts(2))
	f.step(s.topology)
	f.step(s.publishing)
	return s
}

// TestAClaimStoresWhatTheReceiptSays: the receipt then writes nothing, and a job that
// still waits gets it.
func TestAClaimStoresWhatTheReceiptSays(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.publishedTwo()
	deliveries := f.take(2)
	claimed, waiting := deliveries[0], deliveries[1]
	f.claims(claimed)
	before := f.version(claimed.Job.JobID)
	f.confirm(s)
	require.Equal(t, before, f.version(claimed.Job.JobID), "the row was written once more")
	for _, d := range []queue.Delivery{claimed, waiting} {
		require.Equal(t, 1, f.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE id = $1 AND stream_seq = $2 AND stream_created = $3`,
			d.Job.JobID, d.Seq, d.StreamCreated))
	}
}

// TestReceiptsRest: for as long as they are to, and few statements store many.
func TestReceiptsRest(t *testing.T) {
	t.Parallel()
	r := newReceipts(nil, time.Hour)
	began := time.Now()
	for _, age := range []time.Duration{59 * time.Minute, 31 * time.Minute, 28 * time.Minute} {
		r.keep(receiptBatch{receipts: make([]ledger.Receipt, 1), taken: began.Add(-age)})
	}
	require.Empty(t, r.ripe(began))
	require.Equal(t, time.Minute, r.untilRipe(began))
	soon := began.Add(time.Minute)
	require.Len(t, r.ripe(soon), 2, "what is half as old goes with what is old enough")
	require.Equal(t, 31*time.Minute, r.untilRipe(soon))
}

// TestReceiptsOutliveAnOutage: what could not be stored is stored when the database is
// back, and at the end.
func TestReceiptsOutliveAnOutage(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.publishedTwo()
	f.exec(`ALTER TABLE alphapulse.sync_jobs RENAME COLUMN stream_seq TO gone`)
	_, err := s.confirming.step(t.Context())
	require.Error(t, err)
	f.exec(`ALTER TABLE alphapulse.sync_jobs RENAME COLUMN gone TO stream_seq`)
	require.Zero(t, f.count(inStream))
	s.emptied(t.Context())
	require.Equal(t, 2, f.count(inStream))
}

package ledger

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestClaimGivesTheWorkerAllThatItNeeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.manual(account, syncjob.Balances, syncjob.Prices)

	job := b.claim(b.jobOf(run.ID, syncjob.Balances))
	require.Equal(t, run.ID, job.RunID)
	require.Equal(t, syncjob.Subject{Kind: syncjob.Account, ID: account.ID}, job.Subject)
	require.Equal(t, []byte{1}, job.Sealed)
	require.Equal(t, 1, job.KeyVersion)
	require.Equal(t, "main", job.Account)
	require.Equal(t, "42", job.ExchangeUID)
	require.Equal(t, 1, job.Attempt)
	require.Equal(t, 3, job.MaxAttempts)
	require.InDelta(t, time.Minute, job.Timeout, float64(time.Millisecond))
	require.Equal(t, syncjob.Manual, job.Trigger)

	prices := b.claim(b.jobOf(run.ID, syncjob.Prices))
	require.Equal(t, syncjob.Subject{Kind: syncjob.Market, ID: account.MarketID}, prices.Subject)
	require.Equal(t, "http://127.0.0.1:1", prices.BaseURL)
	require.Empty(t, prices.Account)
	require.Nil(t, prices.Sealed)
}

func TestRule13DoneForTerminalAndUnknownJobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	id := b.jobOf(run.ID, syncjob.Balances)
	b.commit(b.claim(id), succeeded())

	refusal := b.refused(id)
	require.Equal(t, Done, refusal.Answer)
	require.Equal(t, syncjob.Succeeded, refusal.Status)
	require.Equal(t, run.ID, refusal.RunID)

	for _, unknown := range []string{uuid.NewString(), "not a uuid"} {
		_, refusal, err := b.Claim(t.Context(), ClaimRequest{JobID: unknown, Claim: uuid.NewString(), Publishes: 1})
		require.NoError(t, err)
		require.Equal(t, Refusal{Answer: Done}, refusal)
	}
}

func TestRule13NotDueUntilPublished(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	id := b.jobOf(run.ID, syncjob.Balances)
	_, refusal, err := b.Claim(t.Context(), b.request(id)) // an old message: the job is about to be published
	require.NoError(t, err)
	require.Equal(t, NotDue, refusal.Answer)

	out := retry(syncjob.Transient)
	out.After = time.Hour
	b.commit(b.claim(id), out)
	require.Equal(t, NotDue, b.refused(id).Answer)
	require.Equal(t, 1, b.row(id).Attempt)
}

func TestRule13NotDuePastTheDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	id := b.jobOf(run.ID, syncjob.Balances)
	b.publish()
	b.exec(`UPDATE alphapulse.sync_runs SET deadline_at = clock_timestamp() WHERE id = $1`, run.ID)
	require.Equal(t, NotDue, b.refused(id).Answer)
	require.Equal(t, syncjob.Queued, b.row(id).Status)
}

func TestRule13BusyForThisMessageAndForAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	id := b.jobOf(run.ID, syncjob.Balances)
	first := b.claim(id)

	refusal := b.refused(id)
	require.Equal(t, Busy, refusal.Answer)
	require.InDelta(t, 10*time.Second, refusal.Wait, float64(2*time.Second))

	req := b.request(id)
	req.Publishes--
	_, refusal, err := b.Claim(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, BusyElsewhere, refusal.Answer)
	require.Equal(t, first.Claim, b.row(id).Claim)
	require.Equal(t, 1, b.row(id).Attempt)
}

func TestRule13SiblingWaitsNoLongerThanTheLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first := b.claim(b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances))
	second := b.planned(account, syncjob.Balances)

	refusal := b.refused(second)
	require.Equal(t, Sibling, refusal.Answer)
	require.Equal(t, syncjob.Waiting, refusal.Status)
	waiting := b.row(second)
	require.Equal(t, syncjob.Waiting, waiting.Status)
	require.Equal(t, "sibling", waiting.WaitReason)
	require.Zero(t, waiting.Attempt)
	require.False(t, waiting.NextAt.After(*b.row(first.JobID).LeaseUntil))
}

func TestRule06OneRunningLiveJobPerSubjectAndType(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first := b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances)
	second := b.planned(account, syncjob.Balances)
	b.claim(first)
	b.publish()
	_, err := b.db.Exec(t.Context(), `
UPDATE alphapulse.sync_jobs SET status = 'running', claim = gen_random_uuid(), lease_until = clock_timestamp()
WHERE id = $1`, second)
	require.True(t, postgres.Violates(err, "sync_jobs_one_running"), "the net: %v", err)
}

func TestRule06ClaimsThatRaceEndAsMineAndSibling(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	ids := []string{b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances)}
	for range 7 {
		ids = append(ids, b.planned(account, syncjob.Balances))
	}
	b.publish()
	answers := concurrently(t, len(ids), func(i int) (Answer, error) {
		job, refusal, err := b.Claim(t.Context(), b.request(ids[i]))
		if job != nil {
			return Mine, err
		}
		return refusal.Answer, err
	})
	require.Equal(t, map[Answer]int{Mine: 1, Sibling: 7}, tally(answers))
}

func TestRule13ExhaustedEndsByRule22(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	for name, test := range map[string]struct {
		job    string
		stored bool
		want   syncjob.Status
	}{
		"scheduled":      {b.planned(account, syncjob.Balances), false, syncjob.Failed},
		"manual":         {b.jobOf(b.manual(account, syncjob.Orders).ID, syncjob.Orders), false, syncjob.Dead},
		"a scope stored": {b.planned(account, syncjob.Positions), true, syncjob.Partial},
	} {
		b.publish()
		b.exec(`UPDATE alphapulse.sync_jobs SET attempt = max_attempts, as_of = CASE WHEN $2 THEN clock_timestamp() END,
error_class = 'transient' WHERE id = $1`, test.job, test.stored)
		refusal := b.refused(test.job)
		require.Equal(t, ExhaustedAnswer, refusal.Answer, name)
		require.Equal(t, test.want, refusal.Status, name)
		require.Equal(t, syncjob.Transient, refusal.Class, name)
		require.Equal(t, test.want, b.row(test.job).Status, name)
	}
}

func TestRule13InactiveAccounts(t *testing.T) {
	t.Parallel()
	for status, want := range map[AccountStatus]row{
		AccountPending:        {Status: syncjob.Cancelled, CancelReason: "pending"},
		AccountPaused:         {Status: syncjob.Cancelled, CancelReason: "paused"},
		AccountRemoved:        {Status: syncjob.Cancelled, CancelReason: "removed"},
		AccountNeedsAttention: {Status: syncjob.Failed, ErrorClass: "auth"},
	} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			account := b.active("main")
			id := b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances)
			b.publish()
			b.exec(`UPDATE alphapulse.accounts SET status = $2 WHERE id = $1`, account.ID, string(status))
			refusal := b.refused(id)
			require.Equal(t, Inactive, refusal.Answer)
			require.Equal(t, want.Status, refusal.Status)
			got := b.row(id)
			require.Equal(t, want, row{Status: got.Status, CancelReason: got.CancelReason, ErrorClass: got.ErrorClass})
			require.Zero(t, got.Attempt)
		})
	}
}

func TestRule28APendingAccountsProbeIsClaimed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, run := b.pending("main")
	job := b.claim(b.jobOf(run.ID, syncjob.Probe))
	require.Equal(t, 1, job.KeyVersion)
	require.Equal(t, []byte{1}, job.Sealed)
}

func TestPausesHoldClaimsBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	id := b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances)
	require.NoError(t, b.PauseMarket(t.Context(), account.MarketID, 5*time.Second, "test"))
	refusal := b.refused(id)
	require.Equal(t, NotDue, refusal.Answer)
	got := b.row(id)
	require.Equal(t, syncjob.Waiting, got.Status)
	require.Equal(t, "paused", got.WaitReason)
	require.Zero(t, got.Attempt)
}

// A maintenance that is over must not turn the wait for another pause into a
// negative one, and so into a loop of redeliveries.
func TestAPauseWithoutEndIsWaitedForInSteps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	id := b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances)
	b.exec(`INSERT INTO alphapulse.pauses (market_id, reason, created_by, until)
VALUES ($1, 'maintenance', 'test', clock_timestamp() - interval '1 hour'), (NULL, 'release', 'test', NULL)`, account.MarketID)
	refusal := b.refused(id)
	require.Equal(t, NotDue, refusal.Answer)
	require.GreaterOrEqual(t, refusal.Wait, time.Second)
	require.LessOrEqual(t, refusal.Wait, maxPauseWait)
	require.Equal(t, syncjob.Waiting, b.row(id).Status)
}

// The count is part of the claim's own commit, so a job that kills its process
// runs out of attempts.
func TestRule03TheAttemptIsCountedInTheClaim(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	id := b.jobOf(run.ID, syncjob.Balances)
	for attempt := 1; attempt <= 3; attempt++ {
		require.Equal(t, attempt, b.claim(id).Attempt)
		b.expireLease(id)
		_, err := b.TakeBackLost(t.Context(), 10)
		require.NoError(t, err)
	}
	require.Equal(t, syncjob.Dead, b.row(id).Status)
	require.Equal(t, 3, b.count(`SELECT count(*) FROM alphapulse.sync_attempts WHERE job_id = $1`, id))
}

// TestRule10AClaimStoresThePlaceOfItsPublication: of no other one, and not over a receipt.
func TestRule10AClaimStoresThePlaceOfItsPublication(t *testing.T) {
	t.Parallel()
	b := setup(t)
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, claim := range map[string]struct {
		receipt   bool
		publishes int // of the message, less than the job's
		created   time.Time
		seq       *int64
	}{
		"its own":      {created: created, seq: new(int64(7))},
		"an older one": {created: created, publishes: 1},
		"a receipt":    {receipt: true, created: created, seq: new(int64(5))},
		"a silent one": {},
	} {
		account := b.active(strings.ReplaceAll(name, " ", "-"))
		id := b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances)
		b.publish()
		b.exec(`UPDATE alphapulse.sync_jobs SET publishes = 2, stream_seq = NULL, stream_created = NULL WHERE id = $1`, id)
		if claim.receipt {
			require.NoError(t, b.Confirm(t.Context(), []Receipt{{JobID: id, Publishes: 2, Seq: 5, Created: created}}))
		}
		req := b.request(id)
		req.Publishes -= claim.publishes
		req.Seq, req.StreamCreated = 7, claim.created
		job, refusal, err := b.Claim(t.Context(), req)
		require.NoError(t, err)
		require.NotNil(t, job, "%s: %+v", name, refusal)
		var seq *int64
		var at *time.Time
		require.NoError(t, b.db.QueryRow(t.Context(), `SELECT stream_seq, stream_created FROM alphapulse.sync_jobs WHERE id = $1`, id).Scan(&seq, &at))
		require.Equal(t, claim.seq, seq, name)
		require.Equal(t, claim.seq != nil, at != nil && at.Equal(created), name)
	}
}

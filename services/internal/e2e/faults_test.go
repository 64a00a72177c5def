package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ready gives a fleet with one account whose initial run has ended, with every
// schedule off, and the log of effects on.
func ready(t *testing.T, cfg exchangesim.Config) (*fleettest.Fleet, ledger.Account) {
	t.Helper()
	f := fleettest.New(t, cfg)
	effects := pgtest.InstallEffectLog(t, f.DB.URL)
	f.Start()
	account := f.Active(0)
	f.Idle()
	t.Cleanup(func() { effects.CheckEffects(t) })
	return f, account
}

func fault(t *testing.T, f *fleettest.Fleet, spec string) string {
	t.Helper()
	parsed, err := exchangesim.ParseFault(spec)
	require.NoError(t, err)
	id, err := f.Sim.SetFault(parsed)
	require.NoError(t, err)
	return id
}

func TestFailingTypesArePartialWithAReasonEach(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	fault(t, f, "endpoint=/v5/position/list,kind=status,value=500")
	fault(t, f, "endpoint=/v5/order/realtime,kind=malformed")
	run, jobs := f.Sync(account.ID)
	require.Equal(t, syncjob.RunPartial, run.Status)
	require.Equal(t, syncjob.Succeeded, jobs[syncjob.Balances].Status)
	require.Equal(t, syncjob.Succeeded, jobs[syncjob.Prices].Status)
	require.Equal(t, syncjob.Dead, jobs[syncjob.Positions].Status, "nothing repeats a manual job")
	require.Equal(t, syncjob.Partial, jobs[syncjob.Orders].Status,
		"its closed orders could be read: %s", jobs[syncjob.Orders].ErrorMessage)
	for _, failing := range []syncjob.DataType{syncjob.Positions, syncjob.Orders} {
		require.Equal(t, "transient", jobs[failing].ErrorClass)
		require.NotEmpty(t, jobs[failing].ErrorMessage)
	}
	f.Sim.ClearFaults()
	run, jobs = f.Sync(account.ID)
	require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
	require.Empty(t, f.Drift(account))
	var left int
	require.NoError(t, f.Pool.QueryRow(t.Context(), `
SELECT (SELECT count(*) FROM alphapulse.sync_jobs WHERE status IN ('queued', 'running', 'waiting'))
     + (SELECT count(*) FROM alphapulse.sync_scopes WHERE NOT complete)
     + (SELECT count(*) FROM alphapulse.sync_state WHERE last_error_class IS NOT NULL OR consecutive_failures > 0)`).Scan(&left))
	require.Zero(t, left, "nothing is left over")
}

func TestRevokedKeyEndsAtOnceAndSetKeyBringsItBack(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	_, err := f.Sim.RevokeKey(account.ExchangeUID)
	require.NoError(t, err)
	f.Sim.ResetStats()
	private := []syncjob.DataType{syncjob.Balances, syncjob.Positions, syncjob.Orders}
	run, jobs := f.Sync(account.ID, private...)
	require.Equal(t, syncjob.RunFailed, run.Status)
	requests := int64(0)
	for _, dataType := range private {
		require.Equal(t, syncjob.Failed, jobs[dataType].Status)
		require.Equal(t, "auth", jobs[dataType].ErrorClass)
		require.LessOrEqual(t, jobs[dataType].Requests, int64(1))
		require.LessOrEqual(t, jobs[dataType].Attempt, 1)
		requests += jobs[dataType].Requests
	}
	require.GreaterOrEqual(t, requests, int64(1))
	refused, err := f.Ledger.Account(t.Context(), account.ID)
	require.NoError(t, err)
	require.Equal(t, ledger.AccountNeedsAttention, refused.Status)
	asked := f.Sim.Stats().Requests
	run, jobs = f.Sync(account.ID, private...)
	require.Equal(t, syncjob.RunFailed, run.Status)
	require.Equal(t, "auth", jobs[syncjob.Orders].ErrorClass)
	require.Equal(t, asked, f.Sim.Stats().Requests, "a refused key is not asked again")
	run, _ = f.Sync(account.ID)
	require.Equal(t, syncjob.RunPartial, run.Status, "prices need no key")

	key, secret, _, err := f.Sim.RotateKey(account.ExchangeUID)
	require.NoError(t, err)
	_, probe, err := f.Ledger.SetKey(t.Context(), account.ID, false, f.Seal(key, secret))
	require.NoError(t, err)
	run, _ = f.AwaitRun(probe.ID)
	require.Equal(t, syncjob.RunSucceeded, run.Status)
	f.AwaitActive(account.ID)
	run, jobs = f.Sync(account.ID)
	require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
	require.Empty(t, f.Drift(account))
}

func TestAFailedFirstAttemptIsPublishedAgain(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	fault(t, f, "endpoint=/v5/account/wallet-balance,kind=status,value=500,count=3") // one call with its retries
	run, jobs := f.Sync(account.ID, syncjob.Balances)
	require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
	require.Equal(t, 2, jobs[syncjob.Balances].Attempt)
	var publishes, attempts int
	require.NoError(t, f.Pool.QueryRow(t.Context(), `
SELECT publishes, (SELECT count(*) FROM alphapulse.sync_attempts WHERE job_id = j.id)
FROM alphapulse.sync_jobs j WHERE id = $1`, jobs[syncjob.Balances].ID).Scan(&publishes, &attempts))
	require.Equal(t, 2, publishes)
	require.Equal(t, 1, attempts)
}

func TestMissingPermissionIsPartialAndNamesTheScope(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	fault(t, f, "endpoint=/v5/position/list,query=category=option,kind=retcode,value=10005")
	run, jobs := f.Sync(account.ID, syncjob.Positions)
	require.Equal(t, syncjob.RunPartial, run.Status)
	require.Equal(t, syncjob.Partial, jobs[syncjob.Positions].Status)
	require.Equal(t, "permission", jobs[syncjob.Positions].ErrorClass)
	require.Contains(t, jobs[syncjob.Positions].ErrorMessage, "option")
	unread, err := f.Ledger.UnreadScopes(t.Context(), account.Name)
	require.NoError(t, err)
	require.Len(t, unread, 1)
	require.Equal(t, "option", unread[0].Scope)
}

func TestRateLimitWaitsWithoutCountingAnAttempt(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	fault(t, f, "endpoint=/v5/account/wallet-balance,kind=retcode_bare,value=10006,count=6")
	run, jobs := f.Sync(account.ID, syncjob.Balances)
	require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
	require.Equal(t, 1, jobs[syncjob.Balances].Attempt)
}

package ledger

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func (b bundle) account(id string) Account {
	b.t.Helper()
	account, err := b.Account(b.ctx(), id)
	require.NoError(b.t, err)
	return account
}

func (b bundle) versions(account string) int {
	b.t.Helper()
	return b.count(`SELECT coalesce(sum(version * power(10, version - 1)), 0)::integer
FROM alphapulse.account_credentials WHERE account_id = $1`, account) // 21: versions 1 and 2
}

func (b bundle) setKey(account Account) Run {
	b.t.Helper()
	_, run, err := b.SetKey(b.ctx(), account.ID, false, seal)
	require.NoError(b.t, err)
	return run
}

func TestRule28APassedProbeActivatesAndStartsTheInitialRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account, run := b.pending("main")
	require.Equal(t, AccountPending, account.Status)
	require.Zero(t, account.KeyVersion)
	b.pass(run)
	account = b.account(account.ID)
	require.Equal(t, AccountActive, account.Status)
	require.Equal(t, 1, account.KeyVersion)
	require.Equal(t, "42", account.ExchangeUID)
	require.Equal(t, map[string][]string{"Wallet": {"read"}}, account.KeyPermissions)
	open := b.openRuns(account.ID)
	require.Len(t, open, 1)
	initial, err := b.Run(t.Context(), open[0])
	require.NoError(t, err)
	require.Equal(t, syncjob.Initial, initial.Trigger)
	require.Equal(t, []string{"balances", "positions", "orders", "prices"}, initial.Types)
	joined, ok, err := b.StartManual(t.Context(), account.ID, syncjob.All())
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, initial.ID, joined.ID)
}

func TestRule28AFailedProbeLeavesTheAccountPendingWithTheReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account, run := b.pending("main")
	job := b.claim(b.jobOf(run.ID, syncjob.Probe))
	out := failed(syncjob.Auth)
	out.Message = "API key is invalid"
	_, err := b.CommitProbe(t.Context(), job, out, nil)
	require.NoError(t, err)
	require.Equal(t, syncjob.RunFailed, b.fold(run.ID).Status)
	account = b.account(account.ID)
	require.Equal(t, AccountPending, account.Status)
	require.Equal(t, "API key is invalid", account.Reason)
	require.Equal(t, 1, b.versions(account.ID), "the only key there is may be probed again")

	_, again, err := b.Probe(t.Context(), account.ID)
	require.NoError(t, err)
	b.pass(again)
	require.Equal(t, AccountActive, b.account(account.ID).Status)
}

func TestRule28AProbeThatNobodyAnswersSaysWhy(t *testing.T) {
	t.Parallel()
	for want, do := range map[string]func(b bundle, id string){
		"no worker took the probe of the key: is one running?": func(bundle, string) {},
		"the probe of the key ran out of time: the exchange did not answer": func(b bundle, id string) {
			b.claim(id)
		},
		"the probe of the key ran out of time; last error: it broke": func(b bundle, id string) {
			_, err := b.CommitProbe(b.ctx(), b.claim(id), retry(syncjob.Transient), nil)
			require.NoError(b.t, err)
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			account, run := b.pending("main")
			do(b, b.jobOf(run.ID, syncjob.Probe))
			b.exec(`UPDATE alphapulse.sync_runs SET deadline_at = clock_timestamp() WHERE id = $1`, run.ID)
			_, err := b.EndOverdue(t.Context(), 10)
			require.NoError(t, err)
			account = b.account(account.ID)
			require.Equal(t, AccountPending, account.Status)
			require.Equal(t, want, account.Reason)
		})
	}
}

func TestRule28AProbeWhoseWorkersDiedSaysWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account, run := b.pending("main")
	id := b.jobOf(run.ID, syncjob.Probe)
	for range 3 {
		b.claim(id)
		b.expireLease(id)
		_, err := b.TakeBackLost(t.Context(), 10)
		require.NoError(t, err)
	}
	require.Equal(t, syncjob.RunFailed, b.fold(run.ID).Status)
	account = b.account(account.ID)
	require.Equal(t, AccountPending, account.Status)
	require.Contains(t, account.Reason, "stopped answering")
}

func TestRule27SetKeyKeepsTheOldKeyUntilTheProbeHasPassed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	flying := b.claim(b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances))
	run := b.setKey(account)
	require.Equal(t, 21, b.versions(account.ID))
	require.Equal(t, 1, b.claim(b.planned(account, syncjob.Orders)).KeyVersion, "the old key is in use")

	probe := b.claim(b.jobOf(run.ID, syncjob.Probe))
	require.Equal(t, 2, probe.KeyVersion)
	require.Equal(t, []byte{2}, probe.Sealed)
	_, err := b.CommitProbe(t.Context(), probe, succeeded(), facts())
	require.NoError(t, err)
	require.Equal(t, 20, b.versions(account.ID), "the old key is gone")
	require.Equal(t, 2, b.account(account.ID).KeyVersion)
	require.Equal(t, 2, b.claim(b.planned(account, syncjob.Positions)).KeyVersion)
	require.True(t, b.commit(flying, succeeded()).Applied, "jobs in flight are not disturbed")
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.sync_runs
WHERE trigger = 'initial' AND status = 'running'`), "it was active already")
}

func TestRule27ARejectedCandidateIsDroppedAndTheOldKeyStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	probe := b.claim(b.jobOf(b.setKey(account).ID, syncjob.Probe))
	_, err := b.CommitProbe(t.Context(), probe, failed(syncjob.Auth), nil)
	require.NoError(t, err)
	require.Equal(t, 1, b.versions(account.ID))
	got := b.account(account.ID)
	require.Equal(t, AccountActive, got.Status)
	require.Equal(t, 1, got.KeyVersion)
}

func TestTheNewestSetKeyDecides(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first := b.setKey(account)
	probe := b.claim(b.jobOf(first.ID, syncjob.Probe))
	second := b.setKey(account)
	settled, err := b.CommitProbe(t.Context(), probe, succeeded(), facts())
	require.NoError(t, err)
	require.False(t, settled.Applied, "it was cancelled")
	require.Equal(t, 1, b.account(account.ID).KeyVersion)
	b.pass(second)
	require.Equal(t, b.account(account.ID).KeyVersion, b.claim(b.planned(account, syncjob.Orders)).KeyVersion)
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.account_credentials WHERE account_id = $1`, account.ID))
}

func TestRule27AuthUnderTheKeyInUseStopsTheAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.claim(b.planned(account, syncjob.Balances))
	require.True(t, b.commit(job, failed(syncjob.Auth)).Applied)
	got := b.account(account.ID)
	require.Equal(t, AccountNeedsAttention, got.Status)
	require.Equal(t, "it broke", got.Reason)
	b.makeDue("0")
	planned, err := b.PlanDue(t.Context(), syncjob.Account, 10)
	require.NoError(t, err)
	require.Zero(t, planned.Jobs)

	_, probe, err := b.Probe(t.Context(), account.ID) // a mended IP list
	require.NoError(t, err)
	b.pass(probe)
	require.Equal(t, AccountActive, b.account(account.ID).Status)
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'initial' AND status = 'running'`))
}

func TestRule27AuthUnderAnOlderKeyWaitsForTheNewOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.claim(b.planned(account, syncjob.Balances))
	b.pass(b.setKey(account))

	settled, err := b.Commit(t.Context(), job, failed(syncjob.Auth), nil)
	require.NoError(t, err)
	require.Equal(t, syncjob.Waiting, settled.Status)
	require.Equal(t, AccountActive, b.account(account.ID).Status)
	got := b.row(job.JobID)
	require.Equal(t, "key", got.WaitReason)
	require.Zero(t, got.Attempt)
	fresh, err := b.Freshness(t.Context(), "main")
	require.NoError(t, err)
	require.Zero(t, fresh[0].Failures)
	require.Empty(t, fresh[0].ErrorClass)
	require.Equal(t, 2, b.claim(job.JobID).KeyVersion, "due at once, with the new key")
}

func TestAMarketsAuthErrorTouchesNoAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.claim(b.planned(account, syncjob.Prices))
	require.Equal(t, syncjob.Failed, b.commit(job, failed(syncjob.Auth)).Status)
	require.Equal(t, AccountActive, b.account(account.ID).Status)
}

// An outcome that changes the account locks it before the job, as whoever stops
// the account does.
func TestRule02AuthOutcomesDoNotDeadlockWithStops(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	for range 15 {
		run := b.manual(account, syncjob.Balances, syncjob.Orders)
		jobs := []*Claimed{
			b.claim(b.jobOf(run.ID, syncjob.Balances)), b.claim(b.jobOf(run.ID, syncjob.Orders)),
		}
		concurrently(t, 4, func(i int) (struct{}, error) {
			switch i {
			case 0, 1:
				_, err := b.Commit(t.Context(), jobs[i], failed(syncjob.Auth), nil)
				return struct{}{}, err
			case 2:
				return struct{}{}, b.PauseAccount(t.Context(), account.ID, "")
			default:
				return struct{}{}, b.EndRun(t.Context(), run.ID, syncjob.CancelDeadline)
			}
		})
		require.Zero(t, b.db.Stats().Retried, "lost transactions")
		b.exec(`UPDATE alphapulse.accounts SET status = 'active' WHERE id = $1`, account.ID)
	}
}

func TestNamesAreUniqueAmongTheLiving(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pending("main")
	_, _, err := b.AddAccount(t.Context(), NewAccount{Name: "main", Market: testMarket(), Seal: seal})
	require.ErrorIs(t, err, ErrNameTaken)
	sealing := errors.New("no public key")
	_, _, err = b.AddAccount(t.Context(), NewAccount{
		Name: "other", Market: testMarket(), Seal: func(string, int) ([]byte, error) { return nil, sealing },
	})
	require.ErrorIs(t, err, sealing)
	accounts, err := b.Accounts(t.Context())
	require.NoError(t, err)
	require.Len(t, accounts, 1, "nothing of it was stored")
	_, err = b.AccountByName(t.Context(), "other")
	require.ErrorIs(t, err, ErrNotFound)
	markets, err := b.Markets(t.Context())
	require.NoError(t, err)
	require.Len(t, markets, 1)
	require.NoError(t, b.MoveMarket(t.Context(), markets[0].ID, "http://127.0.0.1:2"))
	require.Equal(t, "http://127.0.0.1:2", b.account(accounts[0].ID).BaseURL)
}

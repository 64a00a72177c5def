package e2e

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/services/worker"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestSoldAssetAndClosedPositionDisappear(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{Tick: time.Hour})
	uid := account.ExchangeUID
	_, err := f.Sim.SetBalance(uid, "DOGE", "12.000000000000000001")
	require.NoError(t, err)
	_, err = f.Sim.OpenPosition(uid, exchangesim.PositionSpec{Category: "linear", Symbol: "BTCUSDT", Side: "Buy", Size: "0.5"})
	require.NoError(t, err)
	f.Sync(account.ID)
	doge := `SELECT count(*) FROM alphapulse.balances WHERE account_id = $1 AND asset = 'DOGE'
	         AND total::text = '12.000000000000000001'`
	position := `SELECT count(*) FROM alphapulse.positions WHERE account_id = $1 AND symbol = 'BTCUSDT'
	             AND category = 'linear' AND position_idx = 0`
	require.Equal(t, 1, f.Count(doge, account.ID))
	require.Equal(t, 1, f.Count(position, account.ID))

	_, err = f.Sim.RemoveAsset(uid, "DOGE")
	require.NoError(t, err)
	_, err = f.Sim.ClosePosition(uid, "linear", "BTCUSDT", 0)
	require.NoError(t, err)
	fault(t, f, "endpoint=/v5/position/list,query=settleCoin=USDT,kind=last_page")
	run, jobs := f.Sync(account.ID, syncjob.Positions)
	require.Equal(t, syncjob.RunPartial, run.Status, "%+v", jobs)
	require.Equal(t, 1, f.Count(position, account.ID), "an incomplete walk deletes nothing")

	f.Sim.ClearFaults()
	run, jobs = f.Sync(account.ID)
	require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
	require.Zero(t, f.Count(doge, account.ID))
	require.Zero(t, f.Count(position, account.ID))
	require.Equal(t, 1, f.Count(`SELECT count(*) FROM alphapulse.positions_history
WHERE account_id = $1 AND symbol = 'BTCUSDT' AND category = 'linear' AND position_idx = 0 AND valid_to > valid_from
  AND size = 0.5`, account.ID), "its history is closed")
	require.Positive(t, jobs[syncjob.Positions].RowsDeleted)
	require.Empty(t, f.Drift(account))
}

func TestAResponseDatedTomorrowIsNotStoredAndFreezesNothing(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	before := f.Count(`SELECT count(*) FROM alphapulse.balances WHERE account_id = $1 AND as_of > now() + interval '1 hour'`,
		account.ID)
	require.Zero(t, before)
	fault(t, f, "endpoint=/v5/account/wallet-balance,kind=clock,value=24h")
	run, jobs := f.Sync(account.ID, syncjob.Balances)
	require.Equal(t, syncjob.RunFailed, run.Status)
	require.Equal(t, "clock_skew", jobs[syncjob.Balances].ErrorClass)
	require.Zero(t, f.Count(`SELECT count(*) FROM alphapulse.sync_scopes WHERE as_of > now() + interval '1 hour'`))

	f.Sim.ClearFaults()
	run, jobs = f.Sync(account.ID, syncjob.Balances)
	require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
	require.Empty(t, f.Drift(account))
}

// The exchange's clock itself stands at tomorrow: nothing in an answer shows
// it, only the difference to the database does.
func TestAnExchangeWhoseClockIsWrongIsNotStored(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	f.Sim.SetClockOffset(24 * time.Hour)
	run, jobs := f.Sync(account.ID, syncjob.Balances)
	require.Equal(t, syncjob.RunFailed, run.Status)
	require.Equal(t, "clock_skew", jobs[syncjob.Balances].ErrorClass)
	f.Sim.SetClockOffset(0)
	run, jobs = f.Sync(account.ID, syncjob.Balances)
	require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
}

func TestAMissingWalletIsIncompleteAndDeletesNothing(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	held := f.Count(`SELECT count(*) FROM alphapulse.balances WHERE account_id = $1`, account.ID)
	require.Positive(t, held)
	fault(t, f, "endpoint=/v5/account/wallet-balance,kind=empty")
	run, jobs := f.Sync(account.ID, syncjob.Balances)
	require.NotEqual(t, syncjob.RunSucceeded, run.Status)
	require.Equal(t, "incomplete", jobs[syncjob.Balances].ErrorClass)
	require.Equal(t, held, f.Count(`SELECT count(*) FROM alphapulse.balances WHERE account_id = $1`, account.ID))
}

func TestARowThatIsNotUnderstoodIsKeptAndTheRestIsStored(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	held := f.Count(`SELECT count(*) FROM alphapulse.balances WHERE account_id = $1`, account.ID)
	for _, kind := range []string{"bad_row", "keyless_row"} {
		id := fault(t, f, "endpoint=/v5/account/wallet-balance,kind="+kind+",value=0")
		run, jobs := f.Sync(account.ID, syncjob.Balances)
		require.Equal(t, syncjob.RunPartial, run.Status, kind)
		require.Equal(t, "incomplete", jobs[syncjob.Balances].ErrorClass, kind)
		f.Sim.ClearFaults(id)
	}
	require.GreaterOrEqual(t, f.Count(`SELECT count(*) FROM alphapulse.balances WHERE account_id = $1`, account.ID), held-1)
}

func TestAVanishedOrderIsLookedUpAndWhatIsForgottenIsInferred(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, exchangesim.Config{Tick: time.Hour})
	f.Scheduler()
	f.Aggregator()
	f.WorkerWith(worker.Config{ForgottenAfter: time.Nanosecond})
	account := f.Active(0)
	f.Quiet()
	uid := account.ExchangeUID
	place := func() string {
		id, _, err := f.Sim.PlaceOrder(uid, exchangesim.OrderSpec{
			Category: "linear", Symbol: "BTCUSDT", Side: "Buy", Price: "50000", Qty: "0.1",
		})
		require.NoError(t, err)
		return id
	}
	filled, cancelled, forgotten := place(), place(), place()
	f.Sync(account.ID, syncjob.Orders)
	status := func(id string) string {
		var s string
		require.NoError(t, f.Pool.QueryRow(t.Context(), `
SELECT status FROM alphapulse.orders WHERE account_id = $1 AND order_id = $2`, account.ID, id).Scan(&s))
		return s
	}
	require.Equal(t, "open", status(filled))
	_, err := f.Sim.FillOrder(uid, "linear", filled)
	require.NoError(t, err)
	_, err = f.Sim.CancelOrder(uid, "linear", cancelled)
	require.NoError(t, err)
	_, err = f.Sim.ForgetOrder(uid, "linear", forgotten)
	require.NoError(t, err)
	run, jobs := f.Sync(account.ID, syncjob.Orders)
	require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
	require.Equal(t, "filled", status(filled))
	require.Equal(t, "cancelled", status(cancelled))
	require.Equal(t, "unknown", status(forgotten), "its history may lag")
	f.Sync(account.ID, syncjob.Orders)
	require.Equal(t, "cancelled_inferred", status(forgotten))
}

func TestClosedOrdersAreStoredWithTheirCoverage(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{Rows: exchangesim.Rows{ClosedPerDay: 40}})
	truth, err := f.Sim.Truth(account.ExchangeUID, time.Time{})
	require.NoError(t, err)
	total := 0
	for category, history := range truth.History {
		for _, o := range history {
			// The exchange filters its history by creation: an order that is older
			// than the first window and ended in it is beyond a new account's reach.
			created, err := strconv.ParseInt(o.CreatedTime, 10, 64)
			require.NoError(t, err)
			if time.Since(time.UnixMilli(created)) > 7*24*time.Hour-time.Minute {
				continue
			}
			total++
			require.Equal(t, 1, f.Count(`
SELECT count(*) FROM alphapulse.orders WHERE account_id = $1 AND category = $2 AND order_id = $3`,
				account.ID, category, o.OrderID), "%s %s created %s", category, o.OrderID, o.CreatedTime)
		}
	}
	require.Greater(t, total, 100, "the test needs several pages")
	require.Equal(t, 4, f.Count(`
SELECT count(*) FROM alphapulse.sync_coverage
WHERE account_id = $1 AND data_type = 'orders' AND upper(covered) - lower(covered) > interval '6 days 23 hours'
  AND upper(covered) <= now() - interval '9 minutes'`, account.ID))
}

func TestPricesAreReadOncePerMarket(t *testing.T) {
	t.Parallel()
	f, _ := ready(t, exchangesim.Config{Accounts: 60})
	fleettest.WithoutHistories(t, f.Pool)
	f.Sim.ResetStats()
	for index := 1; index < 60; index++ {
		f.Add(index)
	}
	f.Eventually("all accounts' probes and initial runs have ended", func() bool {
		return f.Count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger IN ('probe', 'initial') AND status = 'running'`) == 0
	})
	require.Greater(t, f.Count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'initial' AND status = 'succeeded'`), 54,
		"on a busy machine a probe may expire, no more")
	reads := f.Count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE data_type = 'prices' AND status = 'succeeded'`)
	skipped := f.Count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE data_type = 'prices' AND status = 'skipped'`)
	require.Positive(t, skipped)
	require.Less(t, reads, 40, "%d reads, %d skipped", reads, skipped)
	t.Logf("%d reads of the prices served 60 accounts; %d were skipped", reads, skipped)
}

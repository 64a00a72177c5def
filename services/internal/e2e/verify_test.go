package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// planting spoils one table by SQL: a digit of one row, another row deleted, and
// a third copied under a key that the exchange does not know.
type planting struct {
	table, digit, key string
	among             string // the rows that are spoilt
}

const day = 24 * time.Hour

const openStatus = "('open', 'untriggered', 'partially_filled')"

func plantings() []planting {
	return []planting{
		{"balances", "total", "asset", "wallet = 'unified'"},
		{"positions", "entry_price", "symbol", "scope = 'linear:USDT'"},
		{"orders", "quantity", "order_id", "status = 'filled'"},
		{"orders", "quantity", "order_id", "status IN " + openStatus},
		{"fills", "price", "exec_id", "exec_type = 'Trade'"},
		{"ledger", "change", "entry_id", "source = 'transaction_log'"},
		{"closed_pnl", "realized_pnl", "order_id", "true"},
	}
}

// in names the table and its columns in a statement.
func (p planting) in(statement string) string {
	return strings.NewReplacer("TABLE_", p.table, "DIGIT_", p.digit, "KEY_", p.key, "AMONG_", p.among).Replace(statement)
}

// spoil plants one difference of each kind.
func (p planting) spoil(t *testing.T, f *fleettest.Fleet) {
	t.Helper()
	err := f.Pool.InTx(t.Context(), "spoil", func(ctx context.Context, tx pgx.Tx) error {
		for _, statement := range []string{
			`CREATE TEMP TABLE spoilt ON COMMIT DROP AS
			 SELECT t.ctid AS at, row_number() OVER (ORDER BY t::text) AS nth FROM alphapulse.TABLE_ t WHERE AMONG_`,
			`CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT t.* FROM alphapulse.TABLE_ t JOIN spoilt ON at = t.ctid AND nth = 3`,
			`UPDATE alphapulse.TABLE_ t SET DIGIT_ = DIGIT_ + 0.000000000000000001 FROM spoilt WHERE at = t.ctid AND nth = 1`,
			`DELETE FROM alphapulse.TABLE_ t USING spoilt WHERE at = t.ctid AND nth = 2`,
			`UPDATE copied SET KEY_ = 'X-' || KEY_`,
			`INSERT INTO alphapulse.TABLE_ SELECT * FROM copied`,
		} {
			tag, err := tx.Exec(ctx, p.in(statement))
			if err != nil {
				return err
			}
			require.Positive(t, tag.RowsAffected(), p.in(statement))
		}
		return nil
	})
	require.NoError(t, err)
}

func TestVerifyFindsWhatWasPlantedInAnyTableAndRepairMendsIt(t *testing.T) {
	t.Parallel()
	today := time.Now().UTC().Truncate(day)
	f := fleettest.New(t, fleettest.Still(exchangesim.Config{
		Epoch: today.Add(-30 * day), Rows: exchangesim.Rows{Assets: 6, Positions: 6, OpenOrders: 6},
		History: exchangesim.History{Symbols: []string{"BTCUSDT"}, FillsPerDay: 10, From: today.Add(-20 * day), Until: today.Add(-day)},
	}))
	f.Start()
	account := f.Active(0)
	for _, price := range []string{"50000", "50001", "50002", "50003"} {
		_, _, err := f.Sim.PlaceOrder(account.ExchangeUID, exchangesim.OrderSpec{
			Category: "linear", Symbol: "BTCUSDT", Side: "Buy", Price: price, Qty: "0.1",
		})
		require.NoError(t, err)
	}
	for _, coin := range []string{"BTC", "ETH", "SOL"} {
		_, err := f.Sim.SetBalance(account.ExchangeUID, coin, "12.5")
		require.NoError(t, err)
		_, err = f.Sim.OpenPosition(account.ExchangeUID, exchangesim.PositionSpec{
			Category: "linear", Symbol: coin + "USDT", Side: "Buy", Size: "0.5",
		})
		require.NoError(t, err)
	}
	require.Equal(t, syncjob.RunSucceeded, f.Backfill(account, today.Add(-20*day)).Status)
	f.Sync(account.ID)
	require.Empty(t, verified(t, f, account).kinds())
	planted := map[string]int{}
	for _, p := range plantings() {
		p.spoil(t, f)
		for _, kind := range []string{"changed", "missing", "extra"} {
			planted[p.table+" "+kind]++
		}
	}
	found := verified(t, f, account)
	require.Equal(t, planted, found.kinds())
	repair, err := f.Ledger.StartRepair(t.Context(), account.ID, found.run)
	require.NoError(t, err)
	repaired, _ := f.AwaitRun(repair.ID)
	require.Equal(t, syncjob.RunSucceeded, repaired.Status, f.Unread(repair.ID))
	require.Empty(t, verified(t, f, account).kinds())
	require.Empty(t, f.Drift(account))
	require.Empty(t, f.RecordDrift(account, today.Add(-20*day), today))

	// An order that is said to be over is refused by what guards orders from older
	// readings; a repair is not held up by it.
	_, err = f.Pool.Exec(t.Context(), `UPDATE alphapulse.orders SET status = 'cancelled' WHERE status IN `+openStatus)
	require.NoError(t, err)
	found = verified(t, f, account)
	require.NotEmpty(t, found.drift)
	repair, err = f.Ledger.StartRepair(t.Context(), account.ID, found.run)
	require.NoError(t, err)
	f.AwaitRun(repair.ID)
	require.Empty(t, verified(t, f, account).kinds())
	require.Empty(t, f.Drift(account))
}

// verification is what a verifying run found.
type verification struct {
	run   string
	drift []ledger.Drift
}

// kinds counts the rows by table and kind.
func (v verification) kinds() map[string]int {
	counted := map[string]int{}
	seen := map[string]bool{}
	for _, d := range v.drift {
		name := string(d.DataType) + " " + d.Kind
		if row := name + d.RowKey; !seen[row] {
			seen[row] = true
			counted[name]++
		}
	}
	return counted
}

// verified compares everything that is stored of an account.
func verified(t *testing.T, f *fleettest.Fleet, account ledger.Account) verification {
	t.Helper()
	f.Quiet()
	run, err := f.Ledger.StartVerify(t.Context(), ledger.VerifyRequest{AccountID: account.ID})
	require.NoError(t, err)
	run, _ = f.AwaitRun(run.ID)
	require.Equal(t, syncjob.RunSucceeded, run.Status, f.Unread(run.ID))
	drift, err := f.Ledger.DriftOf(t.Context(), run.ID)
	require.NoError(t, err)
	return verification{run.ID, drift}
}

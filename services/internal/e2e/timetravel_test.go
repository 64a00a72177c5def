package e2e

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// trader changes an account at random, so that much happens in little time:
// positions are opened, resized, turned and closed, assets bought and sold.
type trader struct {
	t      *testing.T
	f      *fleettest.Fleet
	uid    string
	random *rand.Rand
}

func (d trader) trade() {
	d.t.Helper()
	amount := strconv.Itoa(1+d.random.IntN(9)) + "." + strconv.Itoa(d.random.IntN(1000))
	coin := []string{"BTC", "ETH", "SOL"}[d.random.IntN(3)]
	symbol := []struct{ category, name, size string }{
		{"linear", coin + "USDT", amount}, {"linear", coin + "PERP", amount}, {"inverse", coin + "USD", strconv.Itoa(1 + d.random.IntN(900))},
	}[d.random.IntN(3)]
	var err error
	switch d.random.IntN(5) {
	case 0:
		_, err = d.f.Sim.ClosePosition(d.uid, symbol.category, symbol.name, 0)
	case 1:
		_, err = d.f.Sim.RemoveAsset(d.uid, coin)
	case 2:
		_, err = d.f.Sim.SetBalance(d.uid, coin, amount)
	default:
		_, err = d.f.Sim.OpenPosition(d.uid, exchangesim.PositionSpec{
			Category: symbol.category, Symbol: symbol.name, Size: symbol.size,
			Side: []string{"Buy", "Sell"}[d.random.IntN(2)],
		})
	}
	if !errors.Is(err, exchangesim.ErrNothing) {
		require.NoError(d.t, err)
	}
}

// Scheduled and manual jobs store an account that never stands still. At any
// instant, then, each scope is what the exchange showed at its newest reading.
func TestThePastEqualsTheTruthAtTheNewestReading(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, exchangesim.Config{
		Tick: 50 * time.Millisecond, Rows: exchangesim.Rows{Symbols: 4},
	})
	effects := pgtest.InstallEffectLog(t, f.DB.URL)
	walks := f.RecordWalks()
	f.Start()
	account := f.Active(0)
	_, err := f.Pool.Exec(t.Context(), `
UPDATE alphapulse.schedules SET every = interval '1 second', next_at = clock_timestamp()
WHERE account_id = $1 AND data_type IN ('positions', 'balances')`, account.ID)
	require.NoError(t, err)

	random := rand.New(rand.NewPCG(3, 6)) //nolint:gosec // chance, not secrecy
	d := trader{t: t, f: f, uid: account.ExchangeUID, random: random}
	states := func(dataType string) int {
		return f.Count(`SELECT count(*) FROM alphapulse.` + dataType + `_history`)
	}
	begun := time.Now()
	for time.Since(begun) < 10*time.Second || min(states("positions"), states("balances")) < 60 {
		for range 3 + random.IntN(4) {
			d.trade()
		}
		run, jobs := f.Sync(account.ID, syncjob.Positions, syncjob.Balances)
		require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
	}
	f.Quiet()
	t.Logf("the account was traded for %s", time.Since(begun))
	for _, dataType := range []string{"positions", "balances"} {
		pastEqualsTruth(t, walks, account, dataType, random)
	}
	effects.CheckEffects(t)
}

// pastEqualsTruth looks at a hundred random instants, and at fifty that are a
// reading's or the last before it.
func pastEqualsTruth(
	t *testing.T, walks *fleettest.Walks, account ledger.Account, dataType string, random *rand.Rand,
) {
	t.Helper()
	scopes := walks.Of(account, dataType)
	var first, last time.Time
	var instants []time.Time
	for _, read := range scopes {
		for _, at := range read {
			if first.IsZero() || at.Before(first) {
				first = at
			}
			if at.After(last) {
				last = at
			}
			instants = append(instants, at, at.Add(-time.Microsecond))
		}
	}
	random.Shuffle(len(instants), func(i, j int) { instants[i], instants[j] = instants[j], instants[i] })
	instants = instants[:min(50, len(instants))]
	span := last.Add(time.Second).Sub(first)
	for range 100 {
		instants = append(instants, first.Add(time.Duration(random.Int64N(int64(span))).Truncate(time.Microsecond)))
	}
	for _, at := range instants {
		require.Empty(t, walks.Drift(account, dataType, scopes, at))
	}
}

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

// newest is the last of some instants that is not after t; zero if there is none.
func newest(instants []time.Time, t time.Time) time.Time {
	var last time.Time
	for _, at := range instants {
		if !at.After(t) {
			last = at
		}
	}
	return last
}

// Scheduled and manual jobs store an account that never stands still. At any
// instant, then, each scope is what the exchange showed at its newest reading.
func TestThePastEqualsTheTruthAtTheNewestReading(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, exchangesim.Config{Tick: 50 * time.Millisecond})
	effects := pgtest.InstallEffectLog(t, f.DB.URL)
	walks := f.RecordWalks()
	f.Start()
	account := f.Active(0)
	_, err := f.Pool.Exec(t.Context(), `
UPDATE alphapulse.schedules SET every = interval '1 second', next_at = clock_timestamp()
WHERE account_id = $1 AND data_type IN ('positions', 'balances')`, account.ID)
	require.NoError(t, err)

	random := rand.New(rand.NewPCG(3, 6)) //nolint:gosec // a test that can be repeated
	d := trader{t: t, f: f, uid: account.ExchangeUID, random: random}
	begun := time.Now()
	for rounds := 0; rounds < 20 || time.Since(begun) < 10*time.Second; rounds++ {
		for range 1 + random.IntN(4) {
			d.trade()
		}
		run, jobs := f.Sync(account.ID, syncjob.Positions, syncjob.Balances)
		require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
	}
	f.Quiet()
	for _, dataType := range []string{"positions", "balances"} {
		compared := pastEqualsTruth(t, f, account, dataType, walks.Of(account, dataType), random)
		require.Greater(t, compared, 100, "%s: too little has happened for a test", dataType)
	}
	effects.CheckEffects(t)
}

// pastEqualsTruth looks at a hundred random instants, and at each reading and
// just before it. It gives how many rows of history were there to be found.
func pastEqualsTruth(
	t *testing.T, f *fleettest.Fleet, account ledger.Account, dataType string, walks map[string][]time.Time, random *rand.Rand,
) int {
	t.Helper()
	var first, last time.Time
	var instants []time.Time
	for _, read := range walks {
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
	instants = instants[:min(100, len(instants))]
	span := last.Add(time.Second).Sub(first)
	for range 100 {
		instants = append(instants, first.Add(time.Duration(random.Int64N(int64(span)))))
	}
	for _, at := range instants {
		for scope, read := range walks {
			require.Empty(t, f.PastDrift(account, dataType, scope, newest(read, at), at))
		}
	}
	return count(t, f, `SELECT count(*) FROM alphapulse.`+dataType+`_history`)
}

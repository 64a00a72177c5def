package e2e

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// `up` as a whole is killed in the middle of the first runs of a thousand
// accounts, its database and broker with it, and started again: every run ends,
// and each job that succeeded did so in exactly one transaction.
func TestKillingTheWholeMachineLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	const accounts = 1000
	sim := exchangesimtest.Start(t, exchangesim.Config{
		Accounts: accounts, Seed: 9, Rows: exchangesim.Rows{Assets: 3, Positions: 1, OpenOrders: 1, ClosedPerDay: 1},
	})
	data := filepath.Join(pgtest.Dir(t), "data")
	up := fleettest.Start(t, "up", nil, fleettest.Binary(t),
		"up", "--data-dir", data, "--http", queuetest.FreeAddress(t), "--requests-per-second", "100000")
	up.AwaitOutput("Ctrl-C stops")
	db := openMachine(t, data)
	effects := pgtest.InstallEffectLog(t, connection(t, filepath.Join(data, "connection.env"))["DATABASE_URL"])
	fleettest.WithoutHistories(t, db)
	sealer, err := vault.ReadSealer(filepath.Join(data, "vault", vault.PublicKeyFile))
	require.NoError(t, err)
	addSealed(t, ledger.New(db, ledger.Settings{}), sealer, sim.URL, accounts)
	ended := func(db *postgres.DB, what string) (n int) {
		require.NoError(t, db.QueryRow(t.Context(), `SELECT count(*) FROM alphapulse.`+what).Scan(&n))
		return n
	}
	fleettest.Await(t, "the middle of the first runs", func() bool {
		return ended(db, `sync_jobs WHERE data_type <> 'probe' AND finished_at IS NOT NULL`) > accounts
	})
	open := ended(db, `sync_runs WHERE status = 'running'`)
	up.KillAndRestart()
	up.AwaitOutputs("Ctrl-C stops", 2)
	db = openMachine(t, data)
	effects = effects.At(connection(t, filepath.Join(data, "connection.env"))["DATABASE_URL"])
	fleettest.StopSchedules(t, db)
	fleettest.Await(t, "every run has ended", func() bool { return ended(db, `sync_runs WHERE status = 'running'`) == 0 })
	effects.CheckEffects(t)
	good := ended(db, `sync_runs WHERE trigger = 'initial' AND status = 'succeeded'`)
	t.Logf("%d runs were open at the kill; %d of %d first runs succeeded", open, good, accounts)
	require.Positive(t, open, "the kill came too late to show anything")
	require.Greater(t, good, accounts*9/10)
}

func openMachine(t *testing.T, data string) *postgres.DB {
	t.Helper()
	url := connection(t, filepath.Join(data, "connection.env"))["DATABASE_URL"]
	db, err := postgres.Open(t.Context(), postgres.Config{
		URL: url, Name: "test", MaxConns: 8, AcquireTimeout: fleettest.Patience, Log: queuetest.Discard(),
	})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

// addSealed adds the stand-in's accounts as the API would.
func addSealed(t *testing.T, l *ledger.Ledger, sealer *vault.Sealer, url string, accounts int) {
	t.Helper()
	var adding sync.WaitGroup
	for worker := range 6 {
		adding.Go(func() {
			for index := worker; index < accounts; index += 6 {
				key, secret, uid := exchangesim.Credentials(9, index)
				_, _, err := l.AddAccount(t.Context(), ledger.NewAccount{
					Name: uid, Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: url},
					Seal: func(id string, version int) ([]byte, error) {
						return sealer.Seal(id, version, vault.Credentials{Key: vault.NewSecret(key), Secret: vault.NewSecret(secret)})
					},
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	adding.Wait()
}

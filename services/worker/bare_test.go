package worker

import (
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// bareJob is a job of the bench's account at a stand-in, which no table knows of.
func (b *bench) bareJob(sim *exchangesimtest.Server, opener *vault.Opener, cfg exchangesim.Config) *ledger.Claimed {
	b.t.Helper()
	key, secret, _ := exchangesim.Credentials(cfg.Seed, 0)
	sealed, err := opener.Sealer().Seal(b.account, 1, vault.Credentials{Key: vault.NewSecret(key), Secret: vault.NewSecret(secret)})
	require.NoError(b.t, err)
	account, err := b.ledger.Account(b.t.Context(), b.account)
	require.NoError(b.t, err)
	return &ledger.Claimed{
		RunID: uuid.NewString(), DataType: syncjob.Balances, Lane: syncjob.Live, Trigger: syncjob.Schedule,
		Subject: syncjob.Subject{Kind: syncjob.Account, ID: b.account}, MarketID: account.MarketID,
		Exchange: "bybit", Environment: "testnet", BaseURL: sim.URL,
		Attempt: 1, MaxAttempts: 3, KeyVersion: 1, Sealed: sealed,
	}
}

func newOpener(t *testing.T) *vault.Opener {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, vault.GenerateKeys(dir))
	opener, err := vault.ReadOpener(filepath.Join(dir, vault.PrivateKeyFile))
	require.NoError(t, err)
	return opener
}

// What the bare worker reads and writes is what a worker would: all rows of both
// wallets, and nothing of the protocol.
func TestBareReadsAndWritesRowsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cfg := exchangesim.Config{
		Rows: exchangesim.Rows{Assets: 10, Symbols: 10}, Bench: exchangesim.Bench{On: true, Changing: 0.5},
	}
	sim, opener := exchangesimtest.Start(t, cfg), newOpener(t)
	bare, err := NewBare(Config{Name: "bare", Egress: "test", Slots: 4}, Deps{
		Writes: b.db, Claims: b.db, Opener: opener, Log: queuetest.Discard(),
	})
	require.NoError(t, err)
	job, err := bare.Open(t.Context(), b.bareJob(sim, opener, cfg))
	require.NoError(t, err)
	write := func() snapshot.Tally {
		rows, err := job.Read(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 20, rows.Len())
		batch, tally := &pgx.Batch{}, snapshot.Tally{}
		QueueBare(batch, &tally, rows)
		require.NoError(t, b.db.SendBatch(t.Context(), batch).Close())
		return tally
	}
	require.Equal(t, snapshot.Tally{Changed: 20}, write())
	require.Equal(t, snapshot.Tally{Changed: 10}, write(), "half of the coins change from one instant to the next")
	require.Len(t, b.assets(), 20)
	var scopes int
	require.NoError(t, b.db.QueryRow(t.Context(), `SELECT count(*) FROM alphapulse.sync_scopes`).Scan(&scopes))
	require.Zero(t, scopes)
}

// A reading that is not whole must not pass for a fast one.
func TestBareFailsWhereAWorkerWouldHaveToTryAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cfg := exchangesim.Config{Bench: exchangesim.Bench{On: true}, Faults: []exchangesim.Fault{
		{Endpoint: "/v5/account/wallet-balance", Kind: exchangesim.FaultBadRow, Value: "0"},
	}}
	sim, opener := exchangesimtest.Start(t, cfg), newOpener(t)
	bare, err := NewBare(Config{Name: "bare", Egress: "test"}, Deps{
		Writes: b.db, Claims: b.db, Opener: opener, Log: queuetest.Discard(),
	})
	require.NoError(t, err)
	job, err := bare.Open(t.Context(), b.bareJob(sim, opener, cfg))
	require.NoError(t, err)
	_, err = job.Read(t.Context())
	require.ErrorContains(t, err, "was not understood")
}

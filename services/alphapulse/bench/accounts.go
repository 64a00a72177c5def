package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	benchExchange    = "bybit"
	benchEnvironment = "testnet"
	// atOnce is how many accounts one statement makes.
	atOnce = 2000
)

// account is one of the stand-in's, in the database.
type account struct {
	id       string
	marketID string
	sealed   []byte
}

func (m *machine) accountCount() int { return len(m.accounts) }

// ids are those of the first n accounts.
func (m *machine) ids(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = m.accounts[i].id
	}
	return ids
}

// market gives the market at the stand-in's address, without schedules of its own:
// nobody asks for prices here.
func (m *machine) market(ctx context.Context) (string, error) {
	const upsert = `
INSERT INTO alphapulse.markets (exchange, environment, base_url) VALUES ($1, $2, $3)
ON CONFLICT (exchange, environment, base_url) DO UPDATE SET exchange = excluded.exchange RETURNING id::text`
	var id string
	err := m.db.QueryRow(ctx, upsert, benchExchange, benchEnvironment, m.exchange.url).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("making the market: %w", err)
	}
	return id, nil
}

// addAccounts makes active accounts in bulk, each with the key that the stand-in
// knows it by. They have no schedules. Those of a run before, at another address,
// are removed.
func (m *machine) addAccounts(ctx context.Context) error {
	if err := m.empty(ctx); err != nil {
		return err
	}
	n := m.cfg.accountsNeeded()
	marketID, err := m.market(ctx)
	if err != nil {
		return err
	}
	m.accounts = make([]account, n)
	for first := 0; first < n; first += atOnce {
		m.cfg.Progress("making accounts", first, n)
		if err := m.addSome(ctx, marketID, m.accounts[first:min(first+atOnce, n)], first); err != nil {
			return fmt.Errorf("making accounts: %w", err)
		}
	}
	return nil
}

func (m *machine) addSome(ctx context.Context, marketID string, accounts []account, first int) error {
	const insert = `
INSERT INTO alphapulse.accounts (id, name, market_id, status, key_version, exchange_uid)
SELECT id, 'bench-' || i, $1, 'active', 1, uid FROM unnest($2::uuid[], $3::integer[], $4::text[]) AS u (id, i, uid)`
	const keys = `
INSERT INTO alphapulse.account_credentials (account_id, version, sealed)
SELECT id, 1, sealed FROM unnest($1::uuid[], $2::bytea[]) AS u (id, sealed)`
	ids, indexes, uids := make([]string, len(accounts)), make([]int, len(accounts)), make([]string, len(accounts))
	sealed := make([][]byte, len(accounts))
	for i := range accounts {
		ids[i], indexes[i] = uuid.NewString(), first+i
		_, _, uids[i] = exchangesim.Credentials(standInSeed, first+i)
	}
	err := parallel(runtime.GOMAXPROCS(0), len(accounts), func(i int) (err error) {
		sealed[i], err = m.seal(ids[i], first+i)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := m.db.Exec(ctx, insert, marketID, ids, indexes, uids); err != nil {
		return err
	}
	if _, err := m.db.Exec(ctx, keys, ids, sealed); err != nil {
		return err
	}
	for i := range accounts {
		accounts[i] = account{id: ids[i], marketID: marketID, sealed: sealed[i]}
	}
	return nil
}

func (m *machine) seal(id string, index int) ([]byte, error) {
	key, secret, _ := exchangesim.Credentials(standInSeed, index)
	return m.opener.Sealer().Seal(id, 1, vault.Credentials{Key: vault.NewSecret(key), Secret: vault.NewSecret(secret)})
}

// parallel calls do for each number below n, so many at a time, and gives the first
// error.
func parallel(workers, n int, do func(i int) error) error {
	var all sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		all.Go(func() {
			for i := w; i < n && errs[w] == nil; i += workers {
				errs[w] = do(i)
			}
		})
	}
	all.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// claimed is a job of the account as a claim would hand it to a worker.
func (m *machine) claimed(a account, t syncjob.DataType, runID string) *ledger.Claimed {
	return &ledger.Claimed{
		RunID: runID, DataType: t, Lane: syncjob.Live, Trigger: syncjob.Schedule,
		Subject: syncjob.Subject{Kind: syncjob.Account, ID: a.id}, MarketID: a.marketID,
		Exchange: benchExchange, Environment: benchEnvironment, BaseURL: m.exchange.url,
		Attempt: 1, MaxAttempts: syncjob.MaxAttempts(syncjob.Live, syncjob.Schedule), KeyVersion: 1, Sealed: a.sealed,
		Timeout: syncjob.JobTimeout(syncjob.Live),
	}
}

// consumerOf is the queue of a type's jobs.
func consumerOf(t syncjob.DataType, lane syncjob.Lane) queue.Consumer {
	return queue.Consumer{Exchange: benchExchange, Environment: benchEnvironment, DataType: t, Lane: lane}
}

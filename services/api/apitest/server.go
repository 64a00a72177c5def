// Package apitest runs the API over real HTTP on a database and a broker of
// the test's own, and stands in for the rest of the fleet: it takes, claims
// and ends jobs as a test wants them to end.
//
// The package that uses it needs pgtest.Main in its TestMain.
package apitest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// Server is a running API with what it stands on.
type Server struct {
	URL         string
	DatabaseURL string
	Broker      *queuetest.Server
	DB          *postgres.DB
	Ledger      *ledger.Ledger
	// Opener is what workers would open keys with.
	Opener *vault.Opener
	// KeyDir holds the vault's keys.
	KeyDir string

	t    testing.TB
	stop context.CancelFunc
	done chan error
}

// New starts an API that ends with the test. Each change is applied to its
// settings before.
func New(t testing.TB, change ...func(*api.Config, *api.Deps)) *Server {
	t.Helper()
	database := pgtest.New(t)
	s := &Server{
		DatabaseURL: database.URL, DB: database.Open(t), Broker: queuetest.New(t), KeyDir: t.TempDir(), t: t,
		done: make(chan error, 1),
	}
	s.Ledger = ledger.New(s.DB, ledger.Settings{})
	s.Opener = opener(t, s.KeyDir)
	cfg := api.Config{Listen: "127.0.0.1:0"}
	broker := s.Broker.Queue()
	deps := api.Deps{DB: s.DB, Broker: broker, Past: broker, Queues: broker, Sealer: s.Opener.Sealer(), BaseURL: BaseURL}
	for _, c := range change {
		c(&cfg, &deps)
	}
	s.serve(cfg, deps)
	return s
}

func opener(t testing.TB, dir string) *vault.Opener {
	t.Helper()
	require.NoError(t, vault.GenerateKeys(dir+"/keys"))
	opener, err := vault.ReadOpener(dir + "/keys/" + vault.PrivateKeyFile)
	require.NoError(t, err)
	return opener
}

func (s *Server) serve(cfg api.Config, deps api.Deps) {
	a, err := api.New(cfg, deps)
	require.NoError(s.t, err)
	listener, err := a.Listen()
	require.NoError(s.t, err)
	s.URL = "http://" + listener.Addr().String()
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	go func() {
		s.done <- daemon.Daemon{Components: a.Components(listener), Signals: make(chan os.Signal)}.Run(ctx)
	}()
	s.t.Cleanup(s.Stop)
}

// Stop ends the API as a signal would. Calling it again does nothing.
func (s *Server) Stop() {
	if s.stop == nil {
		return
	}
	s.stop()
	s.stop = nil
	select {
	case err := <-s.done:
		require.NoError(s.t, err)
	case <-time.After(10 * time.Second):
		s.t.Error("the API did not stop")
	}
}

// BaseURL knows two environments of one exchange.
func BaseURL(exchange, environment string) (string, error) {
	if exchange != "bybit" {
		return "", fmt.Errorf("there is no exchange %q: use bybit", exchange)
	}
	switch environment {
	case "testnet":
		return "https://api-testnet.example.com", nil
	case "mainnet":
		return "https://api.example.com", nil
	default:
		return "", fmt.Errorf("bybit has no environment %q: use one of mainnet, testnet", environment)
	}
}

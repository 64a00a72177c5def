package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/broker"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// Set for a child that is to be a broker, on an address and a directory.
const (
	brokerListen = "E2E_BROKER_LISTEN"
	brokerDir    = "E2E_BROKER_DIR"
)

func TestMain(m *testing.M) {
	if os.Getenv(brokerListen) != "" {
		runBroker()
		return
	}
	defer fleettest.RemoveBinary()
	pgtest.Main(m)
}

// runBroker is a broker in a process of its own, until it is killed.
func runBroker() {
	_, err := broker.Start(context.Background(), broker.Config{
		StoreDir: os.Getenv(brokerDir), Listen: os.Getenv(brokerListen), Log: queuetest.Discard(),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

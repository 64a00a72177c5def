package world

import (
	"context"
	"os"
	"strings"

	"github.com/alphapulse/alphapulse/services/internal/chaos/process"
	"github.com/alphapulse/alphapulse/shared/queue/broker"
)

type provisional struct {
	*process.Process
	address string
}

func (p provisional) Addresses() []string { return []string{p.address} }
func (p provisional) Close() error        { return p.Kill() }

func startBroker(ctx context.Context, _ Topology, dir, logs string) (Broker, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	p, err := process.Start(process.Spec{Name: "broker", Argv: []string{os.Args[0]}, Env: []string{"CHAOS_BROKER=" + dir + "," + address}, Logs: logs})
	return provisional{p, address}, err
}

// RunIfChild is provisional.
func RunIfChild() bool {
	what := os.Getenv("CHAOS_BROKER")
	if what == "" {
		return false
	}
	dir, address, _ := strings.Cut(what, ",")
	_, err := broker.Start(context.Background(), broker.Config{StoreDir: dir, Listen: address, Log: silent()})
	if err != nil {
		panic(err)
	}
	select {}
}

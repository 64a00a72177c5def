package bench

import (
	"context"
	"os"
	"strconv"
	"time"

	"github.com/alphapulse/alphapulse/services/alphapulse/child"
	"github.com/alphapulse/alphapulse/services/exchangesim"
)

// standInSeed is the world of the stand-in: the same keys in every run.
const standInSeed = 1

// standIn is the stand-in exchange. It is started anew for what differs between
// scenarios, and keeps its address.
type standIn struct {
	url     string
	socket  *os.File
	process *process
}

// openExchange binds the stand-in's address.
func (m *machine) openExchange(context.Context) error {
	socket, address, err := newSocket()
	if err != nil {
		return err
	}
	m.exchange = &standIn{url: "http://" + address, socket: socket}
	m.later(func() {
		m.exchange.stop()
		_ = socket.Close() // nobody listens any more
	})
	return nil
}

func (x *standIn) stop() {
	if x.process != nil {
		x.process.stop()
		x.process = nil
	}
}

// world is what differs between scenarios.
type world struct {
	rows     int // of an account
	changing float64
	latency  time.Duration
	fills    int // a day, in a dense history; 0: none
}

// serve starts the stand-in with another world.
func (m *machine) serve(ctx context.Context, w world) error {
	m.cfg.Progress("starting the stand-in exchange", 0, 0)
	m.exchange.stop()
	c, err := m.start(ctx, "sim", w.args(m.accountCount()), m.exchange.socket)
	if err != nil {
		return err
	}
	m.exchange.process = c
	return nil
}

func (w world) args(accounts int) []string {
	assets := max(1, w.rows/2) // in each of the two wallets
	args := []string{
		"sim", "--http", child.SecondSocket, "--seed", strconv.Itoa(standInSeed), "--accounts", strconv.Itoa(max(1, accounts)),
		"--bench", "--bench-changing", strconv.FormatFloat(w.changing, 'f', -1, 64),
		"--assets", strconv.Itoa(assets), "--symbols", strconv.Itoa(max(12, assets)),
	}
	if w.latency > 0 {
		fault := exchangesim.Fault{Kind: exchangesim.FaultLatency, Value: w.latency.String()}
		args = append(args, "--fault", "kind="+string(fault.Kind)+",value="+fault.Value)
	}
	if w.fills > 0 {
		args = append(args, "--history-symbols", "BTCUSDT", "--fills-per-day", strconv.Itoa(w.fills), "--history-days", "30")
	}
	return args
}

// requestsPerJob is what a job of balances asks: one request for each wallet.
const requestsPerJob = 2

package up

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strconv"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

const (
	demoAccount     = "demo"
	demoEnvironment = "demo"
	demoFile        = "demo.json"
	// demoAccounts is how many accounts the stand-in has; the first one is used.
	demoAccounts = 10
)

// demo is the stand-in exchange and the account on it.
type demo struct {
	world    world
	url      string
	account  demoClient
	ledger   *ledger.Ledger
	workers  bool
	term     *terminal
	log      *logrus.Entry
	exchange *exchangesim.Exchange
}

// world is what the data directory remembers of the stand-in, so that the same
// account is there after a restart.
type world struct {
	Seed int64 `json:"seed"`
	Port int   `json:"port"`
}

// openDemo starts listening as the stand-in exchange and moves the account's
// market there, should the address have changed.
func (m *machine) openDemo(ctx context.Context) error {
	if !m.cfg.Demo {
		return nil
	}
	w, err := m.readWorld()
	if err != nil {
		return err
	}
	listener, err := listenDemo(w.Port)
	if err != nil {
		return fmt.Errorf("the stand-in exchange: %w", err)
	}
	m.later(func() { _ = listener.Close() }) // its server has closed it, unless the start failed
	if w, err = m.rememberWorld(w, listener.Addr()); err != nil {
		return err
	}
	log := m.log.WithField("service", "sim")
	exchange, err := exchangesim.New(exchangesim.Config{Seed: w.Seed, Accounts: demoAccounts, Limits: true, Log: log})
	if err != nil {
		return err
	}
	m.demo = &demo{
		world: w, url: "http://" + listener.Addr().String(), ledger: m.ledger, workers: m.cfg.Workers > 0,
		term: m.term, log: m.log, exchange: exchange,
	}
	m.demo.account = newDemoClient(m.at.api, m.cfg.Token)
	m.addLate(daemon.Component{Name: "sim", Run: func(take, _ context.Context) error {
		return exchange.Serve(take, listener)
	}})
	m.term.step("exchange", "%s, a stand-in for Bybit (seed %d)", m.demo.url, w.Seed)
	return m.demo.move(ctx)
}

func (m *machine) readWorld() (world, error) {
	path := m.dir.file(demoFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return world{Seed: rand.Int64N(1 << 31)}, nil
	}
	if err != nil {
		return world{}, fmt.Errorf("reading which stand-in exchange this is: %w", err)
	}
	var w world
	if err := json.Unmarshal(text, &w); err != nil || w.Port < 0 || w.Port > 65535 {
		return world{}, fmt.Errorf("%s is damaged: mend it, or begin with another --data-dir", path)
	}
	return w, nil
}

func (m *machine) rememberWorld(w world, address net.Addr) (world, error) {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return w, fmt.Errorf("the stand-in exchange listens on %s, which is no TCP address", address)
	}
	w.Port = tcp.Port
	text, err := json.Marshal(w)
	if err == nil {
		err = writeFile(m.dir.file(demoFile), append(text, '\n'))
	}
	if err != nil {
		return w, fmt.Errorf("remembering which stand-in exchange this is: %w", err)
	}
	return w, nil
}

// listenDemo takes the port of last time, or another one if that is taken.
func listenDemo(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if port != 0 && errors.Is(err, syscall.EADDRINUSE) {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return listener, err
}

// errNotDemo: an account of that name is not on the stand-in.
var errNotDemo = errors.New("the account \"" + demoAccount + "\" of this data directory is on a real exchange: " +
	"start without --demo, or choose another --data-dir")

// move gives the account's market the address of today.
func (d *demo) move(ctx context.Context) error {
	account, err := d.ledger.AccountByName(ctx, demoAccount)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	u, err := url.Parse(account.BaseURL)
	if err != nil || u.Scheme != "http" || !net.ParseIP(u.Hostname()).IsLoopback() {
		return errNotDemo
	}
	if account.BaseURL == d.url {
		return nil
	}
	d.log.WithFields(logrus.Fields{"from": account.BaseURL, "to": d.url}).Info("the stand-in exchange has another address")
	return d.ledger.MoveMarket(ctx, account.MarketID, d.url)
}

// checks are what /readyz asks beside the usual. Without workers nothing makes
// the account active, so nothing waits for it.
func (d *demo) checks() []daemon.Check {
	if d == nil || !d.workers {
		return nil
	}
	return []daemon.Check{{Name: "demo account", Probe: func(ctx context.Context) error {
		account, err := d.ledger.AccountByName(ctx, demoAccount)
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			return errors.New("not added yet")
		case err != nil:
			return err
		case account.Status != ledger.AccountActive:
			return fmt.Errorf("it is %s: %s", account.Status, account.Reason)
		}
		return nil
	}}}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/daemon"
)

const (
	simListen     = "127.0.0.1:8090"
	simToken      = "ALPHAPULSE_SIM_ADMIN_TOKEN" //nolint:gosec // the name of a variable, not a token
	simMaxSize    = 1_000
	simMaxAccount = 10_000_000
)

// simSettings are the stand-in exchange's own.
type simSettings struct {
	cfg     exchangesim.Config
	history simHistory
	listen  string
}

// simCommand is `alphapulse sim`.
func (p *program) simCommand(env *daemon.Env) *cobra.Command {
	cmd := partCommand("sim", "Serve a stand-in exchange that speaks Bybit's wire format",
		"Serve a stand-in exchange that speaks Bybit's wire format and enforces its rules.\n"+
			"/admin is for loopback, or for those with "+simToken+" (or …_FILE).\n\n"+
			"--replay DIR serves recorded answers before those of the generated world. A file's\n"+
			"name says what it answers: the path with dashes, then parameters, then a page, as in\n"+
			"v5-position-list.category=linear.settleCoin=USDT.p1.json. It holds a whole body, or an\n"+
			"object of status, headers and body. A page answers the cursor that the page before\n"+
			"it gave; a file without a page answers any cursor. uid=UID is for one account.")
	proc := newProcess(p, cmd, env)
	var sim simSettings
	s := proc.settings
	s.prefix = settingsPrefix + "SIM_"
	s.text(&sim.listen, "http", simListen, "listen on HOST:PORT")
	s.add("seed", "int", "1", "which world it is", func(text string) (err error) {
		sim.cfg.Seed, err = strconv.ParseInt(text, 10, 64)
		return err
	})
	sim.cfg.Seed = 1
	s.whole(&sim.cfg.Accounts, "accounts", 10, 1, simMaxAccount, "how many accounts there are")
	s.duration(&sim.cfg.Tick, "tick", time.Second, "how often the world moves")
	s.truth(&sim.cfg.Limits, "limits", "enforce the rate limits")
	s.whole(&sim.cfg.LimitSizes.IPRequests, "ip-requests", 600, 1, math.MaxInt32, "requests of one address in 5 s")
	s.text(&sim.cfg.HistoryBy, "history-by", "created", "what startTime and endTime of order/history filter: created or updated")
	s.whole(&sim.cfg.SubAccounts, "sub-accounts", 0, 0, simMaxAccount, "how many of the accounts are subs of the first one")
	s.repeated("rsa-key", "INDEX=FILE: the account's key signs with RSA, and FILE holds its public half in PEM (repeatable)", sim.addRSAKey)
	s.add("replay", "dir", "", "serve the recorded answers of this folder", sim.setReplay)
	s.text(&sim.cfg.ReplayTime, "replay-time", exchangesim.ReplayNow, "date recorded answers now, or as recorded: now or recorded")
	s.repeated("fault", "a fault from the start, as in endpoint=/v5/position/list,kind=status,value=500 (repeatable)",
		func(text string) error {
			fault, err := exchangesim.ParseFault(text)
			sim.cfg.Faults = append(sim.cfg.Faults, fault)
			return err
		})
	s.whole(&sim.cfg.Rows.Assets, "assets", 8, 1, simMaxSize, "assets of an account")
	s.whole(&sim.cfg.Rows.Positions, "positions", 4, 1, simMaxSize, "positions of an account and scope")
	s.whole(&sim.cfg.Rows.OpenOrders, "open-orders", 4, 1, simMaxSize, "open orders of an account and scope")
	s.whole(&sim.cfg.Rows.Symbols, "symbols", 12, 1, simMaxSize, "base coins of the market")
	s.whole(&sim.cfg.Rows.ClosedPerDay, "closed-per-day", 12, 1, simMaxSize, "orders that end on a day")
	s.truth(&sim.cfg.Rows.Steady, "steady", "keep every list at exactly these sizes")
	sim.accountFlags(s)
	sim.historyFlags(s)
	sim.benchFlags(s)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return proc.runSim(cmd, &sim) }
	return cmd
}

func (p *process) runSim(cmd *cobra.Command, sim *simSettings) error {
	defer p.close()
	p.settings.read()
	sim.history.bound(&sim.cfg)
	sim.cfg.AdminToken = p.env.GetSecret(simToken)
	if err := p.open(); err != nil {
		return err
	}
	sim.cfg.Log = p.log
	exchange, err := exchangesim.New(sim.cfg)
	if err != nil {
		return &exitError{code: exitUsage, message: err.Error()}
	}
	listener, err := daemon.Listen("--http", sim.listen)
	if err != nil {
		return err
	}
	p.log.WithField("address", listener.Addr().String()).Info("the stand-in exchange listens")
	return p.serve(cmd.Context(), part{run: func(take, _ context.Context) error {
		return exchange.Serve(take, listener)
	}})
}

// setReplay takes the folder of recorded answers; what is in it is checked when
// the exchange is built.
func (s *simSettings) setReplay(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("want a folder")
	}
	s.cfg.Replay = os.DirFS(dir)
	return nil
}

// addRSAKey takes "INDEX=FILE".
func (s *simSettings) addRSAKey(text string) error {
	account, file, _ := strings.Cut(text, "=")
	index, err := strconv.Atoi(account)
	if err != nil || file == "" {
		return errors.New("want INDEX=FILE, as in 0=public.pem")
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the public key: %w", err)
	}
	if s.cfg.RSAKeys == nil {
		s.cfg.RSAKeys = map[int]string{}
	}
	s.cfg.RSAKeys[index] = string(content)
	return nil
}

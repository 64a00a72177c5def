package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/exchangesim"
)

const (
	simMaxFills = 1_000_000
	simMaxDays  = 730
)

// simHistory are the settings of a dense history: bounded by days before
// today, as those who start a stand-in count them.
type simHistory struct {
	days  int
	quiet int
}

// accountFlags are what accounts may do and which rules they are kept to.
func (s *simSettings) accountFlags(flags *settings) {
	flags.add("modes", "list", "", "unifiedMarginStatus of the first accounts, as in 1,3,5: classic, unified 1.0, unified 2.0 (which the others are)",
		func(text string) error {
			for _, part := range listed(text) {
				mode, err := strconv.Atoi(part)
				if err != nil {
					return fmt.Errorf("want numbers such as 1,3,5")
				}
				s.cfg.Modes = append(s.cfg.Modes, mode)
			}
			return nil
		})
	flags.add("settle-coins", "list", "", "coins that settle linear perpetuals beside USDT and USDC", func(text string) error {
		s.cfg.SettleCoins = listed(text)
		return nil
	})
	flags.truth(&s.cfg.Demo, "demo-rules", "keep the rules of the demo environment: no FUND wallet, orders forgotten after 7 days")
	flags.add("indexing-delay", "duration", "1s", "how long after its instant a row of a history is listed", func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return fmt.Errorf("want a duration such as 1s, or 0s")
		}
		s.cfg.IndexingDelay = d
		if d == 0 {
			s.cfg.IndexingDelay = -1 // none; 0 is the default
		}
		return nil
	})
	flags.text(&s.cfg.Egress, "egress", "remote", "whose address the limits count: remote, local (that a request came in on) or forwarded (X-Forwarded-For)")
}

// historyFlags ask for a dense history.
func (s *simSettings) historyFlags(flags *settings) {
	flags.add("history-symbols", "list", "", "symbols with a dense, exact history, as in BTCUSDT,spot:ETHUSDT; then nothing else is filled",
		func(text string) error {
			s.cfg.History.Symbols = listed(text)
			return nil
		})
	flags.whole(&s.cfg.History.FillsPerDay, "fills-per-day", 40, 1, simMaxFills, "fills of an account and symbol on each of its days")
	flags.whole(&s.history.days, "history-days", 365, 1, simMaxDays, "how many days ago it began")
	flags.whole(&s.history.quiet, "quiet-days", 0, 0, simMaxDays, "how many days before today it ended; 0: it goes on")
	flags.truth(&s.cfg.History.Funding, "history-funding", "fund its perpetuals every 8 hours")
}

// bound turns days into instants.
func (h simHistory) bound(cfg *exchangesim.Config) {
	if len(cfg.History.Symbols) == 0 {
		return
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	cfg.History.From = today.AddDate(0, 0, -h.days)
	if h.quiet > 0 {
		cfg.History.Until = today.AddDate(0, 0, -h.quiet)
	}
}

// listed reads a list with commas; nothing is an empty list.
func listed(text string) []string {
	var list []string
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

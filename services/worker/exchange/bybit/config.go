package bybit

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Config makes a Client or a Market.
type Config struct {
	Target      exchange.Target
	Credentials exchange.Credentials // not for a Market
	Hosts       *exchange.Hosts
	Settings    Settings
}

// Settings are the same for all accounts and markets. The zero value is the
// recommended one.
type Settings struct {
	// HTTP sends the requests; nil: NewHTTPClient. Share one among all clients.
	HTTP *http.Client
	// RecvWindow is how long after its timestamp the exchange may receive a
	// request; 0: 5 s, at most 10 s. A longer one does not help against a
	// clock that is ahead.
	RecvWindow time.Duration
	// SettleCoins of linear contracts that are asked for besides those of the
	// target; nil: USDT, USDC. The exchange shows positions and orders of a coin
	// only to who asks for that coin (ccxt#24159).
	SettleCoins []string
	// OptionBases are the base coins whose options are priced and listed besides
	// those of the target; nil: BTC, ETH, SOL. The exchange gives option tickers
	// and instruments by base coin only.
	OptionBases []string
	// SkipStopOrders leaves out the second walk over open orders, which asks
	// for conditional orders by name. The documentation says the first lists
	// them too; other clients have missed some in it.
	SkipStopOrders bool
}

const (
	defaultRecvWindow = 5 * time.Second
	maxRecvWindow     = 10 * time.Second
)

// complete fills in the defaults and names every wrong setting at once.
func (s Settings) complete() (Settings, error) {
	if s.HTTP == nil {
		s.HTTP = NewHTTPClient()
	}
	if s.RecvWindow == 0 {
		s.RecvWindow = defaultRecvWindow
	}
	if s.SettleCoins == nil {
		s.SettleCoins = []string{"USDT", "USDC"}
	}
	if s.OptionBases == nil {
		s.OptionBases = []string{"BTC", "ETH", "SOL"}
	}
	var faults []error
	if s.RecvWindow < time.Millisecond || s.RecvWindow > maxRecvWindow {
		faults = append(faults, fmt.Errorf("bybit recv window: must lie between 1 ms and %s, is %s", maxRecvWindow, s.RecvWindow))
	}
	faults = append(faults, coinFaults("settle coin", s.SettleCoins)...)
	faults = append(faults, coinFaults("option base coin", s.OptionBases)...)
	return s, errors.Join(faults...)
}

func coinFaults(what string, coins []string) []error {
	var faults []error
	seen := map[string]bool{}
	for _, coin := range coins {
		if coin == "" || coin != strings.ToUpper(coin) || strings.ContainsAny(coin, ": ,/&") {
			faults = append(faults, fmt.Errorf("bybit %s %q: write it as the exchange does, such as BTC", what, coin))
		}
		if seen[coin] {
			faults = append(faults, fmt.Errorf("bybit %s %q: named twice", what, coin))
		}
		seen[coin] = true
	}
	return faults
}

// union is first and what of second is not in it, each coin once.
func union(first, second []string) []string {
	all := slices.Clone(first)
	for _, coin := range second {
		if coin != "" && !slices.Contains(all, coin) {
			all = append(all, coin)
		}
	}
	return all
}

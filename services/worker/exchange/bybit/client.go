package bybit

import (
	"errors"
	"fmt"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Client reads one account. It is safe for use by several goroutines.
type Client struct {
	session  *session
	settings Settings
	mode     accountMode
	knew     string // the mode as it was found before
	// settleCoins of linear contracts: the settings' and those that the market
	// was found to list.
	settleCoins []string
}

// New makes a client for an account. It does no I/O. No formatting verb shows
// the credentials of what it returns, and none of its errors holds them.
func New(config Config) (*Client, error) {
	if config.Credentials.Key() == "" || len(config.Credentials.Secret()) == 0 {
		return nil, errors.New("bybit account: needs an API key and its secret")
	}
	settings, err := config.Settings.complete()
	if err != nil {
		return nil, err
	}
	session, err := newSession(config.Target, config.Hosts, settings)
	if err != nil {
		return nil, err
	}
	session.credentials = config.Credentials
	session.sign, err = newSigner(config.Credentials.Secret())
	if err != nil {
		return nil, err
	}
	return &Client{
		session:     session,
		settings:    settings,
		mode:        modeOf(config.Target.Mode),
		knew:        config.Target.Mode,
		settleCoins: union(settings.SettleCoins, config.Target.SettleCoins),
	}, nil
}

// Clock is the clock of the client's host.
func (c *Client) Clock() *exchange.Clock { return c.session.host.Clock }

// Format prints where the client reads from, and nothing else, for every verb.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "bybit account on %s (%s)", c.session.environment, c.session.base)
}

// Market reads what needs no key. It is safe for use by several goroutines.
type Market struct {
	session *session
	// optionBases whose options are priced and listed: the settings' and those
	// that the market was found to list.
	optionBases []string
}

// NewMarket makes a reader of prices, instruments and candles. It does no I/O.
func NewMarket(config Config) (*Market, error) {
	settings, err := config.Settings.complete()
	if err != nil {
		return nil, err
	}
	session, err := newSession(config.Target, config.Hosts, settings)
	if err != nil {
		return nil, err
	}
	return &Market{session: session, optionBases: union(settings.OptionBases, config.Target.OptionBases)}, nil
}

// Clock is the clock of the market's host.
func (m *Market) Clock() *exchange.Clock { return m.session.host.Clock }

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
	return &Client{session: session, settings: settings}, nil
}

// Clock is the clock of the client's host.
func (c *Client) Clock() *exchange.Clock { return c.session.host.Clock }

// Format prints where the client reads from, and nothing else, for every verb.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "bybit account on %s (%s)", c.session.environment, c.session.base)
}

// Market reads what needs no key. It is safe for use by several goroutines.
type Market struct {
	session  *session
	settings Settings
}

// NewMarket makes a reader of prices. It does no I/O.
func NewMarket(config Config) (*Market, error) {
	settings, err := config.Settings.complete()
	if err != nil {
		return nil, err
	}
	session, err := newSession(config.Target, config.Hosts, settings)
	if err != nil {
		return nil, err
	}
	return &Market{session: session, settings: settings}, nil
}

// Clock is the clock of the market's host.
func (m *Market) Clock() *exchange.Clock { return m.session.host.Clock }

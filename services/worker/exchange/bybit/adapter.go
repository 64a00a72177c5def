package bybit

import (
	"errors"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Adapter is Bybit as the worker sees it: a maker of readers that share one
// HTTP client and one set of policies. It implements exchange.Adapter.
type Adapter struct {
	hosts    *exchange.Hosts
	settings Settings
}

// NewAdapter checks the settings and fills in their defaults.
func NewAdapter(hosts *exchange.Hosts, settings Settings) (*Adapter, error) {
	if hosts == nil {
		return nil, errors.New("bybit: no hosts given")
	}
	settings, err := settings.complete()
	if err != nil {
		return nil, err
	}
	return &Adapter{hosts: hosts, settings: settings}, nil
}

// Account returns a *Client.
func (a *Adapter) Account(target exchange.Target, credentials exchange.Credentials) (exchange.Prober, error) {
	client, err := New(Config{Target: target, Credentials: credentials, Hosts: a.hosts, Settings: a.settings})
	if err != nil {
		return nil, err
	}
	return client, nil
}

// Market returns a *Market.
func (a *Adapter) Market(target exchange.Target) (exchange.PriceReader, error) {
	market, err := NewMarket(Config{Target: target, Hosts: a.hosts, Settings: a.settings})
	if err != nil {
		return nil, err
	}
	return market, nil
}

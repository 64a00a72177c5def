package up

import (
	"net"

	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/shared/daemon"
)

// boundAPI is the API's address, taken before anything else begins.
type boundAPI struct {
	cfg      api.Config
	listener net.Listener
}

func (m *machine) bindAPI() (*boundAPI, error) {
	cfg := api.Config{Listen: m.cfg.HTTP, Token: m.cfg.Token}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	listener, err := daemon.Listen("--http", cfg.Listen)
	if err != nil {
		return nil, err
	}
	m.later(func() { _ = listener.Close() }) // its server has closed it, unless the start failed
	m.at.api = "http://" + reachable(listener.Addr())
	m.at.token = m.cfg.Token.Reveal()
	return &boundAPI{cfg: cfg, listener: listener}, nil
}

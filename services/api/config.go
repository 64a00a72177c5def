package api

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/alphapulse/alphapulse/shared/vault"
)

// DefaultListen is where the API listens unless told otherwise.
const DefaultListen = "127.0.0.1:8080"

// TokenSetting is the variable that holds the token that clients must send; with
// _FILE appended it names a file.
const TokenSetting = "ALPHAPULSE_TOKEN"

const (
	minToken = 16 // characters; a shorter one can be guessed

	defaultCallTimeout  = 20 * time.Second
	defaultSendTimeout  = 30 * time.Second
	defaultPollInterval = time.Second
	defaultMaxWatches   = 500
)

// Config says where the API listens and who may call it. Zero values take the
// defaults.
type Config struct {
	// Listen is HOST:PORT; port 0 picks a free one. Default DefaultListen.
	Listen string
	// Token is demanded of every caller if it is set; without one only loopback
	// addresses are listened on.
	Token vault.Secret
	// CallTimeout bounds every call but WatchRun. Default 20 s.
	CallTimeout time.Duration
	// SendTimeout is how long a caller may take to accept one message of an answer,
	// which for an export are up to 256 KiB. Default 30 s.
	SendTimeout time.Duration
	// PollInterval is how often WatchRun looks when nothing wakes it. Default
	// 1 s.
	PollInterval time.Duration
	// MaxWatches is how many WatchRun calls may be open. Default 500.
	MaxWatches int
}

func (c Config) withDefaults() Config {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = defaultCallTimeout
	}
	if c.SendTimeout == 0 {
		c.SendTimeout = defaultSendTimeout
	}
	if c.PollInterval == 0 {
		c.PollInterval = defaultPollInterval
	}
	if c.MaxWatches == 0 {
		c.MaxWatches = defaultMaxWatches
	}
	return c
}

// Validate names every mistake at once.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("--http %q: want HOST:PORT, as in %s", c.Listen, DefaultListen))
	case !isLoopback(host) && c.Token.IsEmpty():
		errs = append(errs, fmt.Errorf("--http %s can be reached from other machines, so the API needs a token there: "+
			"set %s or %s_FILE, or listen on a loopback address such as %s",
			c.Listen, TokenSetting, TokenSetting, DefaultListen))
	}
	if n := len(c.Token.Reveal()); n > 0 && n < minToken {
		errs = append(errs, fmt.Errorf("%s is %d characters long: want at least %d, as from `openssl rand -hex 32`",
			TokenSetting, n, minToken))
	}
	if c.CallTimeout < 0 || c.SendTimeout < 0 || c.PollInterval < 0 || c.MaxWatches < 0 {
		errs = append(errs, errors.New("the API's timeouts and limits must be positive"))
	}
	return errors.Join(errs...)
}

// isLoopback reports whether a host can be reached from this machine alone. A
// name other than localhost counts as reachable: what it resolves to may change.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

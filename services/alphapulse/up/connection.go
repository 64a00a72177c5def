package up

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
)

// ConnectionFile is the file in the data directory that says how to reach what
// runs.
const ConnectionFile = "connection.env"

// connection is what connection.env holds. Empty values are left out.
type connection struct {
	database, readonly, nats, monitor, api, token string
}

// lines are POSIX shell: `. connection.env` sets the variables.
func (c connection) lines() []byte {
	var text strings.Builder
	for _, line := range []struct{ name, value string }{
		{"DATABASE_URL", libpqURL(c.database)},
		{"DATABASE_READONLY_URL", libpqURL(c.readonly)},
		{"NATS_URL", c.nats},
		{"NATS_MONITOR_URL", c.monitor},
		{"ALPHAPULSE_API", c.api},
		{"ALPHAPULSE_TOKEN", c.token},
	} {
		if line.value != "" {
			fmt.Fprintf(&text, "%s=%s\n", line.name, quote(line.value))
		}
	}
	return []byte(text.String())
}

// quote writes a word that a shell reads back as it is.
func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

// libpqURL leaves out the parameters that pgx understands and libpq refuses.
func libpqURL(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil || u.Scheme == "" || u.RawQuery == "" {
		return databaseURL
	}
	query := u.Query()
	for name := range query {
		switch {
		case strings.HasPrefix(name, "pool_"), name == "default_query_exec_mode",
			name == "statement_cache_capacity", name == "description_cache_capacity":
			query.Del(name)
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func (d *dataDir) writeConnection(c connection) error {
	if err := writeFile(d.file(ConnectionFile), c.lines()); err != nil {
		return fmt.Errorf("writing %s: %w", d.file(ConnectionFile), err)
	}
	return nil
}

// removeConnection also removes one that a killed process left behind, and with
// it where metrics were.
func (d *dataDir) removeConnection() error {
	if err := os.Remove(d.file(ConnectionFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.removeTargets()
}

// reachable is the address by which this machine reaches a listener: one on all
// addresses is reached on loopback.
func reachable(address net.Addr) string {
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.To4() == nil && len(ip) == net.IPv6len {
			host = "localhost"
		}
	}
	return net.JoinHostPort(host, port)
}

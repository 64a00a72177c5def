package pgserver

import (
	"fmt"
	"net"
	"strconv"
)

const loopback = "127.0.0.1"

// freePort asks the kernel for one. Somebody may take it before Postgres does,
// so the caller tries again when the bind fails.
func freePort() (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// checkPort tells whether a port could be bound just now.
func checkPort(port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("%w: %s:%d: %w; choose another, or stop what listens there", ErrPortTaken, loopback, port, err)
	}
	return l.Close()
}

package link

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// Ports below those that Linux and macOS give to outgoing connections. One of
// those might be taken while its owner is down; worse, a client that dials such
// a port again and again one day reaches itself.
const (
	lowestPort  = 12000
	highestPort = 32000
)

// tries bounds the search for a free port.
const tries = 100

// FreeAddress is an address of this machine that nobody listens on, and that a
// server can have again and again over its lives.
func FreeAddress() (string, error) {
	for range tries {
		port := lowestPort + rand.IntN(highestPort-lowestPort) //nolint:gosec // no secret
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		listener, err := net.Listen("tcp", address)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("finding a free address: %w", err)
		}
		if err := listener.Close(); err != nil {
			return "", fmt.Errorf("finding a free address: %w", err)
		}
		return address, nil
	}
	return "", fmt.Errorf("finding a free address: none among %d", tries)
}

package databases

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	firstPort = 20000
	lastPort  = 29999
	portTries = 50
)

// freePort picks a port below those that systems give to outgoing connections:
// one of these could take the port of a server that is down.
func freePort() (int, error) {
	var err error
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("looking for a free port: %w", err)
}

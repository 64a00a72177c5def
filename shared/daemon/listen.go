package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// handedDown begins an address that is the number of a descriptor.
const handedDown = "fd:"

// Listen binds a TCP address, so that a taken port stops the start before
// anything else has begun. The setting is named in the error: "--http",
// "ALPHAPULSE_HEALTH". The address fd:N is a listening socket that the parent
// process has bound and handed down as descriptor N: it stays where it is
// however often this process is started again.
func Listen(setting, address string) (net.Listener, error) {
	if number, ok := strings.CutPrefix(address, handedDown); ok {
		return inherited(setting, number)
	}
	listener, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: the address %s is taken by another process; "+
			"stop that process or choose another address: %w", setting, address, err)
	default:
		return nil, fmt.Errorf("%s: cannot listen on %q (want HOST:PORT, as in 127.0.0.1:8080): %w",
			setting, address, err)
	}
}

func inherited(setting, number string) (net.Listener, error) {
	descriptor, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is not the number of a descriptor (want fd:N, as in fd:4): %w", setting, number, err)
	}
	file := os.NewFile(uintptr(descriptor), handedDown+number)
	if file == nil {
		return nil, fmt.Errorf("%s: descriptor %s cannot be used", setting, number)
	}
	listener, err := net.FileListener(file) // a duplicate
	if err != nil {
		return nil, fmt.Errorf("%s: descriptor %s is not a listening socket: %w", setting, number, err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("%s: closing descriptor %s: %w", setting, number, err)
	}
	return listener, nil
}

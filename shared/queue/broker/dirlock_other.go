//go:build !unix

package broker

import "errors"

// dirLock does not exist where there is no flock: without it two processes
// could open one store and destroy it.
type dirLock struct{}

func lockDir(string) (*dirLock, error) {
	return nil, errors.New("the embedded broker needs a Unix system: run nats-server and set NATS_URL")
}

func (*dirLock) release() error { return nil }

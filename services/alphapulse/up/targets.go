package up

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

// TargetsFile is the file in the data directory that says where each process
// shows its metrics, as Prometheus' file_sd_configs reads it.
const TargetsFile = "metrics-targets.json"

// target is one process in it.
type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

func targetOf(process, address string) target {
	return target{Targets: []string{address}, Labels: map[string]string{"process": process}}
}

// socket is an address on loopback that a worker listens on. This process binds
// it and hands it down, so that it is the worker's however often that is started
// again, and nobody else's in between.
type socket struct {
	address string
	file    *os.File
}

func newSocket() (socket, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return socket{}, fmt.Errorf("binding an address for a worker's metrics: %w", err)
	}
	file, err := listener.File() // a duplicate: the socket stays open
	err = errors.Join(err, listener.Close())
	if err != nil {
		return socket{}, fmt.Errorf("keeping an address for a worker's metrics: %w", err)
	}
	return socket{address: listener.Addr().String(), file: file}, nil
}

// addEndpoints shows this process's health and metrics, and writes where to find
// those of all.
func (m *machine) addEndpoints(ready []daemon.Check) error {
	listener, err := daemon.Listen("metrics", "127.0.0.1:0")
	if err != nil {
		return err
	}
	m.later(func() { _ = listener.Close() }) // its server has closed it, unless the start failed
	m.components = append(m.components,
		daemon.ServeEndpoints(listener, daemon.Endpoints{Ready: ready, Metrics: m.registry}, m.log))
	targets := []target{targetOf("up", listener.Addr().String())}
	for name, s := range m.children.sockets {
		targets = append(targets, targetOf("worker-"+name, s.address))
	}
	slices.SortFunc(targets, func(a, b target) int { return cmp.Compare(a.Labels["process"], b.Labels["process"]) })
	return m.dir.writeTargets(targets)
}

func (d *dataDir) writeTargets(targets []target) error {
	text, err := json.MarshalIndent(targets, "", "  ")
	if err == nil {
		err = writeFile(d.file(TargetsFile), append(text, '\n'))
	}
	if err == nil {
		err = os.Chmod(d.file(TargetsFile), 0o644) //nolint:gosec // Prometheus may run as somebody else, and nothing in it is secret
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", d.file(TargetsFile), err)
	}
	return nil
}

// removeTargets also removes those that a killed process left behind.
func (d *dataDir) removeTargets() error {
	if err := os.Remove(d.file(TargetsFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

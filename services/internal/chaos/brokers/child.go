package brokers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// childVariable tells a program that it is a broker, and which.
const childVariable = "ALPHAPULSE_CHAOS_BROKER"

// options of one nats-server, as they travel to the child.
type options struct {
	Name, StoreDir, Listen, Monitor string
	SyncAlways                      bool
	MaxStore                        int64
	Cluster                         *clusterOptions `json:",omitempty"`
}

type clusterOptions struct {
	Name, Listen, Advertise string
	Routes                  []string
}

// RunIfChild runs a nats-server until it ends and reports true, if this process
// was started to be one. A server that cannot start ends the process with 1.
func RunIfChild() bool {
	text, ok := os.LookupEnv(childVariable)
	if !ok {
		return false
	}
	if err := Main(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// Main runs the nats-server that the options describe. Signals do what they do
// to the real one.
func Main(text string) error {
	var o options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("reading the broker's options: %w", err)
	}
	settings, err := o.server()
	if err != nil {
		return fmt.Errorf("reading the broker's options: %w", err)
	}
	ns, err := server.NewServer(settings)
	if err != nil {
		return fmt.Errorf("making the broker: %w", err)
	}
	ns.ConfigureLogger()
	if err := server.Run(ns); err != nil {
		return fmt.Errorf("running the broker: %w", err)
	}
	ns.WaitForShutdown()
	return nil
}

func (o options) server() (*server.Options, error) {
	s := &server.Options{
		ServerName: o.Name, JetStream: true, StoreDir: o.StoreDir, JetStreamMaxStore: o.MaxStore,
		SyncAlways: o.SyncAlways, Logtime: true,
	}
	var errListen, errMonitor, errCluster error
	s.Host, s.Port, errListen = hostPort(o.Listen)
	s.HTTPHost, s.HTTPPort, errMonitor = hostPort(o.Monitor)
	if o.Cluster != nil {
		s.Cluster.Name, s.Cluster.Advertise = o.Cluster.Name, o.Cluster.Advertise
		// Clients know the addresses they were given: they may be links.
		s.Cluster.NoAdvertise = true
		s.Cluster.Host, s.Cluster.Port, errCluster = hostPort(o.Cluster.Listen)
		s.Routes = server.RoutesFromStr(strings.Join(o.Cluster.Routes, ","))
	}
	return s, errors.Join(errListen, errMonitor, errCluster)
}

func hostPort(address string) (string, int, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.Atoi(text)
	return host, port, err
}

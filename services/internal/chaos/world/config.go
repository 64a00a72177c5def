package world

import (
	"cmp"
	"errors"
	"time"
)

// Config says what world to make.
type Config struct {
	Topology Topology
	// Dir holds everything that the world writes. Run as root, Postgres runs as
	// another user, who must be able to enter it.
	Dir string
	// Binary is alphapulse, built with the tag failpoints.
	Binary string
	// Seed decides the stand-in's world and what is asked of the fleet.
	Seed int64
	// Accounts on the exchange. Default 16.
	Accounts int
	// Cadence of every schedule. Default 2 s.
	Cadence time.Duration
	// Latency of every answer of the exchange. Default 30 ms: without it nothing
	// would be in flight for longer than a blink.
	Latency time.Duration
	// Workers is how many worker processes there are, each of all types. Default 2.
	Workers int
	// WorkerArgs are given to each of them beside the usual ones.
	WorkerArgs []string
	// Past is how much of its own past the exchange has. Default 10 days.
	Past time.Duration
	// Idle leaves the accounts alone: nobody asks for anything but the schedules.
	Idle bool
}

func (c Config) complete() (Config, error) {
	if c.Dir == "" || c.Binary == "" {
		return c, errors.New("a world needs a directory and the binary")
	}
	c.Topology = cmp.Or(c.Topology, Single)
	c.Accounts = cmp.Or(c.Accounts, 16)
	c.Cadence = cmp.Or(c.Cadence, 2*time.Second)
	c.Latency = cmp.Or(c.Latency, 30*time.Millisecond)
	c.Workers = cmp.Or(c.Workers, 2)
	c.Past = cmp.Or(c.Past, 10*24*time.Hour)
	return c, nil
}

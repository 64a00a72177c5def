package databases

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
)

const (
	loopback  = "127.0.0.1"
	superuser = "postgres"
	// side begins the application_name of this package's own sessions.
	side = "chaos/"
)

// Config describes one server. Dir and Logs are required.
type Config struct {
	// Name is that of the log file and the cluster. Default "postgres".
	Name string
	// Dir is the data directory. Run as root, Postgres runs as another user, who
	// must be able to enter the directories above it.
	Dir string
	// Logs is the directory of <Name>.log, which all lives of the server share.
	Logs string
	// Port on 127.0.0.1, the same in every life. 0: one that is free and that the
	// system gives to no outgoing connection while the server is down.
	Port int
	// MaxConnections of all users, the three that only a superuser gets among
	// them. Default 60.
	MaxConnections int
	// Settings are further server parameters.
	Settings map[string]string
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" || c.Logs == "" {
		return c, errors.New("a database needs a data directory and one for its log")
	}
	c.Name = cmp.Or(c.Name, "postgres")
	c.MaxConnections = cmp.Or(c.MaxConnections, 60)
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, fmt.Errorf("data directory %q: %w", c.Dir, err)
	}
	c.Dir = dir
	if c.Port == 0 {
		c.Port, err = freePort()
	}
	return c, err
}

// args of the postmaster. The prefix of its log's lines is what Logged reads.
func (c Config) args() []string {
	settings := map[string]string{
		"listen_addresses":        loopback,
		"port":                    strconv.Itoa(c.Port),
		"unix_socket_directories": "",
		"max_connections":         strconv.Itoa(c.MaxConnections),
		"shared_buffers":          "32MB",
		"logging_collector":       "off",
		"log_destination":         "stderr",
		"log_line_prefix":         logPrefix,
		"cluster_name":            c.Name,
		"hot_standby":             "on",
		// What a killed server leaves is in its directory, and goes with that.
		"dynamic_shared_memory_type": "mmap",
		"wal_level":                  "replica",
	}
	maps.Copy(settings, c.Settings)
	args := []string{"-D", c.Dir}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

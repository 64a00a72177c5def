package fleettest

import (
	"time"

	"github.com/alphapulse/alphapulse/services/exchangesim"
)

// stillTick is 18 minutes: longer than any test that must not see the world move.
const stillTick = time.Duration(1 << 40)

// Still lets the world of a stand-in stand still for as long as a test lasts: its tick is
// long, and has just begun. A long one alone would not do, because a test may run across
// its end. The epoch is moved on for it, by less than a tick.
func Still(cfg exchangesim.Config) exchangesim.Config {
	cfg.Tick = stillTick
	if cfg.Epoch.IsZero() {
		cfg.Epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) // as without
	}
	cfg.Epoch = cfg.Epoch.Add(time.Since(cfg.Epoch) % stillTick)
	return cfg
}

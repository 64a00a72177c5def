package main

import (
	"errors"
	"strconv"
)

// benchFlags ask for accounts that cost next to nothing to serve.
func (s *simSettings) benchFlags(flags *settings) {
	flags.truth(&s.cfg.Bench.On, "bench", "accounts for benchmarks: all alike, and cheap to serve")
	flags.share(&s.cfg.Bench.Changing, "bench-changing", 1, "of --bench: the share of a wallet's coins whose amounts differ at every instant")
}

// share is a setting from 0 to 1.
func (s *settings) share(into *float64, flag string, fallback float64, usage string) {
	*into = fallback
	s.add(flag, "share", strconv.FormatFloat(fallback, 'f', -1, 64), usage, func(text string) error {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= 0 && n <= 1) {
			return errors.New("want a share from 0 to 1, such as 0.25")
		}
		*into = n
		return nil
	})
}

package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// initialize makes the data directory. It works in a directory beside it, so
// that a start which is cut short leaves no half of one; what such a start left
// there is replaced.
func initialize(ctx context.Context, cfg Config, bin binaries, as account, password string) error {
	unfinished := cfg.DataDir + ".initdb"
	if err := os.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("removing an unfinished initdb: %w", err)
	}
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return fmt.Errorf("creating a Postgres data directory: %w", err)
	}
	if err := as.own(unfinished); err != nil {
		return err
	}
	if err := runInitdb(ctx, cfg, bin, as, unfinished, password); err != nil {
		return err
	}
	if err := os.Remove(cfg.DataDir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replacing the empty data directory: %w", err)
	}
	if err := os.Rename(unfinished, cfg.DataDir); err != nil {
		return fmt.Errorf("moving the new data directory into place: %w", err)
	}
	return nil
}

func runInitdb(ctx context.Context, cfg Config, bin binaries, as account, dir, password string) error {
	access, remove, err := passwordArgs(cfg, as, password)
	if err != nil {
		return err
	}
	defer remove()
	out := &output{log: cfg.Log}
	args := append([]string{"-D", dir, "-U", "postgres", "-E", "UTF8", "--locale=C"}, access...)
	if cfg.Settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	p, err := spawn(as, dir, out, bin.initdb(), args...)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		_ = p.cmd.Process.Kill() // it may have ended just now, which is as good
		<-p.done
		return fmt.Errorf("initdb was stopped: %w", context.Cause(ctx))
	}
	if p.err != nil {
		return &ExitError{Program: bin.initdb(), Output: out.tail(), cause: p.exit()}
	}
	return nil
}

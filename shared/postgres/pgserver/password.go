package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// hbaFile says who may connect how.
const hbaFile = "pg_hba.conf"

// trusting finds the lines that demand no password.
func trusting() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^([ \t]*[a-z][^#\n]*[ \t])trust([ \t]*(?:#.*)?)$`)
}

// readPassword gives the superuser's password; "" if none is demanded. For a new
// data directory, and for one that was made without a password, it makes one.
func readPassword(cfg Config, version string) (string, error) {
	if cfg.PasswordFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(cfg.PasswordFile)
	switch password := strings.TrimSpace(string(text)); {
	case err == nil && password != "":
		return password, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("reading the password of Postgres: %w", err)
	}
	if version != "" {
		open, err := isTrusting(cfg.DataDir)
		if err != nil {
			return "", err
		}
		if !open {
			return "", fmt.Errorf("%w: %s is not there, and the data directory %s demands it: put it back; or replace "+
				"scram-sha-256 by trust in %s and start again: a new password is made", ErrPasswordLost, cfg.PasswordFile,
				cfg.DataDir, filepath.Join(cfg.DataDir, hbaFile))
		}
	}
	password := NewPassword()
	if err := writePrivate(cfg.PasswordFile, password+"\n"); err != nil {
		return "", fmt.Errorf("keeping the password of Postgres: %w", err)
	}
	return password, nil
}

// writePrivate writes a file of mode 0600 so that it appears whole or not at all.
func writePrivate(path, text string) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func isTrusting(dataDir string) (bool, error) {
	text, err := os.ReadFile(filepath.Join(dataDir, hbaFile))
	if err != nil {
		return false, fmt.Errorf("reading who may connect to Postgres: %w", err)
	}
	return trusting().Match(text), nil
}

// passwordArgs make initdb demand the password from the first moment on. What the
// file holds is its verifier, so whoever reads it cannot use it.
func passwordArgs(cfg Config, as account, password string) (args []string, remove func(), err error) {
	if password == "" {
		return []string{"-A", "trust"}, func() {}, nil
	}
	verifier, err := Verifier(password)
	if err != nil {
		return nil, nil, err
	}
	path := cfg.DataDir + ".initdb-verifier"
	if err := writePrivate(path, verifier+"\n"); err != nil {
		return nil, nil, fmt.Errorf("handing the password to initdb: %w", err)
	}
	remove = func() { _ = os.Remove(path) }
	if err := as.own(path); err != nil {
		remove()
		return nil, nil, err
	}
	return []string{"-A", "scram-sha-256", "--pwfile", path}, remove, nil
}

// demandPassword closes a data directory that was made without a password. It
// may be cut short anywhere: the next start does it again.
func (s *Server) demandPassword(ctx context.Context, as account) error {
	if s.password == "" {
		return nil
	}
	open, err := isTrusting(s.cfg.DataDir)
	if err != nil || !open {
		return err
	}
	verifier, err := Verifier(s.password)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, s.urlOf("postgres"))
	if err != nil {
		return fmt.Errorf("setting the password of Postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it has served its purpose
	if _, err := conn.Exec(ctx, "ALTER ROLE postgres PASSWORD '"+verifier+"'"); err != nil {
		return fmt.Errorf("setting the password of Postgres: %w", err)
	}
	if err := closeHBA(s.cfg.DataDir, as); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
		return fmt.Errorf("demanding the password of Postgres: %w", err)
	}
	s.cfg.Log.Info("Postgres demands a password from now on: its data directory was made without one")
	return nil
}

func closeHBA(dataDir string, as account) error {
	path := filepath.Join(dataDir, hbaFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading who may connect to Postgres: %w", err)
	}
	next := path + ".new"
	err = writePrivate(next, trusting().ReplaceAllString(string(text), "${1}scram-sha-256${2}"))
	if err == nil {
		err = as.own(next)
	}
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return fmt.Errorf("writing who may connect to Postgres: %w", err)
	}
	return nil
}

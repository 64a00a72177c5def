package pgserver

import (
	"context"
	"path/filepath"
	"syscall"
)

// Programs are those of the installation that fits a data directory, and the
// user that must run them.
type Programs struct {
	// Dir holds postgres and initdb, and whatever else was packaged with them.
	Dir string
	// Credential is nil where the programs run as this process's own user.
	Credential *syscall.Credential
}

// Path of one of the programs; that it is there is not checked.
func (p Programs) Path(program string) string { return filepath.Join(p.Dir, program) }

// Prepare leaves what Start would find or make before it starts a server: a data
// directory that nobody serves. It is for a caller that runs the server itself;
// from its return on nothing keeps others from the directory. Of cfg it uses
// DataDir, BinDir, StartTimeout, Log and the setting fsync.
func Prepare(ctx context.Context, cfg Config) (Programs, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Programs{}, err
	}
	ctx, cancel := cfg.startContext(ctx)
	defer cancel()
	if err := makeParent(cfg.DataDir); err != nil {
		return Programs{}, err
	}
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return Programs{}, err
	}
	defer lock.release()
	bin, as, _, err := prepare(ctx, cfg)
	if err != nil {
		return Programs{}, err
	}
	return Programs{Dir: bin.dir, Credential: as.credential()}, nil
}

package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that initdb and postgres run as.
type account struct {
	name     string
	uid, gid uint32
	switched bool // it is not the user of this process
}

// serverAccount chooses the user: this process's own, unless that is root.
func serverAccount(dataDir string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	if owner, ok := ownerOf(dataDir); ok && owner.uid != 0 {
		return owner, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue // the next one will do
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return account{}, fmt.Errorf("user %s: %w", name, err)
		}
		return account{name: name, uid: uint32(uid), gid: uint32(gid), switched: true}, nil
	}
	return account{}, errors.New("Postgres refuses to run as root, and this machine has neither a user postgres " +
		"nor a user nobody: create one (`useradd --system postgres`) or run as another user")
}

// ownerOf is the owner of a directory that holds data already.
func ownerOf(dataDir string) (account, bool) {
	info, err := os.Stat(filepath.Join(dataDir, versionFile))
	if err != nil {
		return account{}, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return account{}, false
	}
	a := account{uid: stat.Uid, gid: stat.Gid, switched: true}
	a.name = strconv.FormatUint(uint64(a.uid), 10)
	if found, err := user.LookupId(a.name); err == nil {
		a.name = found.Username
	}
	return a, true
}

func (a account) mayEnter(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	mode := info.Mode().Perm()
	switch {
	case stat.Uid == a.uid:
		return mode&0o100 != 0
	case stat.Gid == a.gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

// own hands a tree to the account. Without root it is this user's already.
func (a account) own(dir string) error {
	if !a.switched {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(a.uid), int(a.gid))
	})
	if err != nil {
		return fmt.Errorf("giving %s to user %s: %w", dir, a.name, err)
	}
	return nil
}

// adopt hands over an existing data directory that root came to own, as a copy
// made by root does. One that another user owns is served as that user.
func (a account) adopt(dataDir string) error {
	if owner, ok := ownerOf(dataDir); !a.switched || (ok && owner.uid == a.uid) {
		return nil
	}
	return a.own(dataDir)
}

func (a account) sysProcAttr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Credential: a.credential()}
	endWithParent(attr)
	return attr
}

func (a account) credential() *syscall.Credential {
	if !a.switched {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid}
}

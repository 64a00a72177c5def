//go:build unix && !linux

package pgserver

import "syscall"

// endWithParent has no counterpart here: after a kill -9 of the parent the
// server runs on, and the next start waits for it or names it.
func endWithParent(*syscall.SysProcAttr) {}

//go:build !linux

package postgres

import "syscall"

// limitUnacknowledged does nothing where the kernel has no TCP_USER_TIMEOUT:
// there only keep-alive probes and the statement's own limit end a wait.
func limitUnacknowledged(_, _ string, _ syscall.RawConn) error { return nil }

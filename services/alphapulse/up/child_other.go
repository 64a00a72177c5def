//go:build unix && !linux

package up

import "syscall"

// childAttributes keep a terminal's Ctrl-C from the child, because the parent
// decides when it stops. The pipe alone tells the child of the parent's end.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

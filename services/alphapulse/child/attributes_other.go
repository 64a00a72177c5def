//go:build unix && !linux

package child

import "syscall"

// attributes keep a terminal's Ctrl-C from the child. The pipe alone tells it of the
// parent's end.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

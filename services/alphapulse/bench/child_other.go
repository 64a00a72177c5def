//go:build !linux

package bench

import "syscall"

// childAttributes keep a terminal's Ctrl-C from a child, which watches a pipe that
// ends with us.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

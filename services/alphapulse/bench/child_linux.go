package bench

import "syscall"

// childAttributes keep a terminal's Ctrl-C from a child and let the kernel end it
// with us.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

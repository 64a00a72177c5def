package up

import "syscall"

// childAttributes keep a terminal's Ctrl-C from the child, because the parent
// decides when it stops, and let the kernel end it with the parent.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

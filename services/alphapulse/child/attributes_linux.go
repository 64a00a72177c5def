package child

import "syscall"

// attributes keep a terminal's Ctrl-C from the child and let the kernel end it with
// the parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

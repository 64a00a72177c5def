package pgserver

import "syscall"

// endWithParent asks the kernel for a fast shutdown (SIGINT) of the child when
// the thread that started it dies, whatever the reason.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

package fleettest

import (
	"os/exec"
	"syscall"
)

// dieWithParent ends the child when the test binary is killed.
func dieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

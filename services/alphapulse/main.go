// Command alphapulse keeps a trading desk's exchange accounts in PostgreSQL.
// It is every process of the fleet and the client that talks to them: see
// `alphapulse --help`.
package main

import (
	"context"
	"os"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

func main() {
	environ := os.Environ()
	p := program{
		environ: environ, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		args: os.Args[1:], heap: daemon.FloorHeap(daemon.NewEnv(environ)),
	}
	os.Exit(p.run(context.Background()))
}

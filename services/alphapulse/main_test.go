package main

import (
	"context"
	"os"
	"testing"

	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// asProgram makes the test binary the program itself, so that `up` can be started
// like a person starts it, and starts its workers from the same binary.
const asProgram = "AS_ALPHAPULSE"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		p := program{environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, args: os.Args[1:]}
		os.Exit(p.run(context.Background()))
	}
	pgtest.Main(m)
}

//go:build unix && !linux

package pgtest

import "os"

func scratchDir() string { return os.TempDir() }

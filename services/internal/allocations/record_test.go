package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

const printed = `goos: linux
BenchmarkDecode/orders-50-2         	    1024	    412345 ns/op	  71.20 MB/s	  120345 B/op	    2351 allocs/op
BenchmarkDecode/orders-50-2         	    1024	    402345 ns/op	  71.20 MB/s	  120345 B/op	    2350 allocs/op
BenchmarkClaim 	    1024	     91234 ns/op	    4096 B/op	      64 allocs/op
PASS
`

func TestTheFewestAllocationsCount(t *testing.T) {
	t.Parallel()
	measured, err := parseBenchmarks(printed)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"BenchmarkDecode/orders-50": 2350, "BenchmarkClaim": 64}, measured)
	again, err := parseRecord(formatRecord(measured))
	require.NoError(t, err)
	require.Equal(t, measured, again)

	_, err = parseBenchmarks("PASS\n")
	require.Error(t, err)
	_, err = parseRecord("BenchmarkClaim many\n")
	require.Error(t, err)
}

func TestGrownMissingAndUnknownBenchmarksFail(t *testing.T) {
	t.Parallel()
	before := map[string]int{"BenchmarkClaim": 100, "BenchmarkFold": 10}
	require.NoError(t, compare(before, map[string]int{"BenchmarkClaim": 107, "BenchmarkFold": 2}, io.Discard))
	require.ErrorContains(t, compare(before, map[string]int{"BenchmarkClaim": 108, "BenchmarkFold": 10}, io.Discard),
		"BenchmarkClaim allocates 108 times an operation, 100 on record")
	require.ErrorContains(t, compare(before, map[string]int{"BenchmarkClaim": 100}, io.Discard), "was not run")
	require.ErrorContains(t, compare(before, map[string]int{"BenchmarkClaim": 100, "BenchmarkFold": 10, "BenchmarkNew": 1}, io.Discard),
		"BenchmarkNew is not on record")
}

func TestTheRecordIsReadable(t *testing.T) {
	t.Parallel()
	record, err := parseRecord(recorded)
	require.NoError(t, err)
	require.NotEmpty(t, record)
}

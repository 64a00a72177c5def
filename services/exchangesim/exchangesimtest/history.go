package exchangesimtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
)

// History is a dense history that began so many UTC days before today's and
// ended quiet days before it; with quiet 0 it goes on.
func History(today time.Time, days, quiet, fillsPerDay int, symbols ...string) exchangesim.History {
	midnight := today.UTC().Truncate(24 * time.Hour)
	h := exchangesim.History{Symbols: symbols, FillsPerDay: fillsPerDay, From: midnight.AddDate(0, 0, -days)}
	if quiet > 0 {
		h.Until = midnight.AddDate(0, 0, -quiet)
	}
	return h
}

// Records gives all rows of a history as the type that its endpoint answers.
func Records[T any](t testing.TB, s *Server, q exchangesim.RecordQuery) []T {
	t.Helper()
	records, err := s.Records(q)
	require.NoError(t, err)
	rows := make([]T, 0, records.Total())
	records.Each(func(row any) bool {
		typed, ok := row.(T)
		require.True(t, ok, "records of type %s are %T", q.Type, row)
		rows = append(rows, typed)
		return true
	})
	require.Len(t, rows, records.Total())
	return rows
}

package pgtest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/effects"
)

// EffectLog is the log of effects of a test's database.
type EffectLog struct{ *effects.Log }

// InstallEffectLog puts the triggers into the database. Do it before the first
// job: what happened earlier is unknown, and succeeded jobs count as breaches.
func InstallEffectLog(t testing.TB, url string) *EffectLog {
	t.Helper()
	log, err := effects.Install(t.Context(), url)
	require.NoError(t, err)
	return &EffectLog{log}
}

// At is the same log after its server has come back at another address.
func (l *EffectLog) At(url string) *EffectLog { return &EffectLog{l.Log.At(url)} }

// CheckEffects fails t with every violation.
func (l *EffectLog) CheckEffects(t testing.TB) {
	t.Helper()
	found, err := l.Violations(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	if len(found) > 0 {
		t.Fatalf("%d violations of \"effect once\":\n%s", len(found), strings.Join(found, "\n"))
	}
}

package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// A database that goes away while its schema is read does not end a process that
// starts: whatever is cut off, it waits on.
func TestAStartSurvivesADatabaseThatGoesAway(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, nil)
	require.NoError(t, postgres.Migrate(t.Context(), server.URL(), nil))
	operator := server.DB().Open(t, func(c *postgres.Config) { c.ApplicationName = "operator" })
	p := &process{log: queuetest.Discard(), database: databaseSettings{url: server.URL()}}
	db := server.DB().Open(t, func(c *postgres.Config) { c.ApplicationName, c.HealthCheckPeriod = "starting", time.Hour })

	cutting, stop := context.WithCancel(t.Context())
	var cutter sync.WaitGroup
	cutter.Go(func() {
		for cutting.Err() == nil {
			_, _ = operator.Exec(cutting, `
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'starting'`)
		}
	})
	defer cutter.Wait()
	defer stop()
	within, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for range 200 {
		if err := p.awaitDatabase(within, db); within.Err() == nil {
			require.NoError(t, err)
		}
	}
	stop()
	require.NoError(t, p.awaitDatabase(t.Context(), db))
}

package aggregator

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// A result that comes while the database is away stays in its stream: it is not
// handled in vain every second and given up after ten times.
func TestNoResultIsTakenWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, nil)
	require.NoError(t, postgres.Migrate(t.Context(), server.URL(), nil))
	f := newFixtureOn(t, server.DB())
	a, hook := f.aggregator(Config{Sweep: time.Hour})
	f.start(a)
	run, jobs := f.run()
	for _, job := range jobs {
		f.end(job.ID, syncjob.Succeeded, 1)
	}
	nc, err := nats.Connect(f.broker.URL())
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	delivered := func() uint64 {
		c, err := js.Consumer(t.Context(), "SYNC_RESULTS", "aggregator")
		require.NoError(t, err)
		return c.CachedInfo().Delivered.Consumer
	}
	require.Zero(t, delivered())

	server.Stop()
	require.Eventually(t, func() bool { return len(messagesOf(hook, "no more work is taken")) > 0 }, patience, time.Millisecond)
	require.NoError(t, f.queue.PublishResult(t.Context(), f.result(run, jobs[0], syncjob.Succeeded)))
	require.Never(t, func() bool { return delivered() > 0 }, 2500*time.Millisecond, 50*time.Millisecond)
	server.Start()
	require.Eventually(t, func() bool {
		found, err := f.ledger.Run(t.Context(), run)
		return err == nil && found.Status == syncjob.RunSucceeded
	}, patience, 10*time.Millisecond)
	require.EqualValues(t, 1, delivered())
	require.Len(t, messagesOf(hook, "no more work is taken"), 1)
	require.Len(t, messagesOf(hook, "work is taken again"), 1)
}

func messagesOf(hook *logrustest.Hook, text string) (found []*logrus.Entry) {
	for _, entry := range hook.AllEntries() {
		if strings.Contains(entry.Message, text) {
			found = append(found, entry)
		}
	}
	return found
}

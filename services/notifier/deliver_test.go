package notifier

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// newHanging is a target that takes a connection and never answers.
func newHanging(t *testing.T) Target {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it known that the caller has gone
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	return Target{Name: "hanging", Form: formSlack, URL: vault.NewSecret(server.URL)}
}

// What is queued behind a target that hangs is not taken for lost: two notifiers
// tell it once.
func TestTheLeaseCoversATargetThatHangs(t *testing.T) {
	t.Parallel()
	const notices = 8
	f := newFixture(t)
	hanging := newHanging(t)
	slow := func(c *Config) {
		c.SendTimeout = 500 * time.Millisecond
		c.Targets = append(c.Targets, hanging)
	}
	cfg := Config{Targets: []Target{f.to.target()}}
	slow(&cfg)
	first, err := New(cfg, Deps{DB: f.db, Broker: f.broker, Log: queuetest.Discard()})
	require.NoError(t, err)
	f.exec(`INSERT INTO alphapulse.egresses (egress, market_id, banned_until)
SELECT 'host-' || i, id, clock_timestamp() + interval '1 hour' FROM alphapulse.markets, generate_series(1, $1) i`, notices)
	require.NoError(t, first.look(t.Context()))
	for range 2 {
		f.start(slow)
	}
	require.Eventually(t, func() bool {
		var delivered, tried int
		err := f.db.QueryRow(t.Context(), `
SELECT count(*) FILTER (WHERE target = 'desk' AND status = 'delivered'),
       count(*) FILTER (WHERE target = 'hanging' AND last_error <> '') FROM alphapulse.notice_deliveries`).Scan(&delivered, &tried)
		return err == nil && delivered == notices && tried == notices
	}, patience, 5*time.Millisecond)
	told := map[int64]int{}
	for _, n := range f.await(AddressBanned, notices) {
		told[n.ID]++
	}
	require.Len(t, told, notices)
	var most int
	require.NoError(t, f.db.QueryRow(t.Context(),
		`SELECT max(attempts) FROM alphapulse.notice_deliveries WHERE target = 'desk'`).Scan(&most))
	require.Equal(t, 1, most, "it was another's already")
}

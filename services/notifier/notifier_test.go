package notifier

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	patience = 30 * time.Second
	secret   = "a secret of thirty-two characters"
)

// receiver is a target over real HTTP. It keeps what it took.
type receiver struct {
	*httptest.Server
	status atomic.Int32
	mu     sync.Mutex
	took   []Notice
	bodies []string
	bad    []string // signatures that were wrong
	tries  atomic.Int32
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.status.Store(http.StatusNoContent)
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	r.tries.Add(1)
	body, _ := io.ReadAll(req.Body)
	if status := r.status.Load(); status != http.StatusNoContent {
		http.Error(w, "not now", int(status))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var n Notice
	if json.Unmarshal(body, &n) == nil {
		r.took = append(r.took, n)
	}
	r.bodies = append(r.bodies, string(body))
	if header := req.Header.Get(signatureHeader); header != "" && !signed(header, body) {
		r.bad = append(r.bad, header)
	}
	w.WriteHeader(http.StatusNoContent)
}

// signed checks a signature as docs/notifications.md says.
func signed(header string, body []byte) bool {
	at, mark, found := strings.Cut(header, ",v1=")
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s", strings.TrimPrefix(at, "t="), body)
	return found && mark == hex.EncodeToString(mac.Sum(nil))
}

func (r *receiver) notices(kind string) (out []Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.took {
		if n.Kind == kind {
			out = append(out, n)
		}
	}
	return out
}

func (r *receiver) target() Target {
	return Target{Name: "desk", Form: formWebhook, URL: vault.NewSecret(r.URL + "/hook?token=hidden"), Secret: vault.NewSecret(secret)}
}

// broker is JetStream as a notifier sees it.
type broker struct{ down atomic.Bool }

func (b *broker) Ready(context.Context) error {
	if b.down.Load() {
		return errors.New("connection refused")
	}
	return nil
}

type fixture struct {
	t       *testing.T
	db      *postgres.DB
	ledger  *ledger.Ledger
	account ledger.Account
	to      *receiver
	broker  *broker
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, db: pgtest.New(t).Open(t), to: newReceiver(t), broker: &broker{}}
	f.ledger = ledger.New(f.db, ledger.Settings{})
	var err error
	f.account, _, err = f.ledger.AddAccount(t.Context(), ledger.NewAccount{
		Name:   "main",
		Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: "https://example.com"},
		Seal:   func(string, int) ([]byte, error) { return []byte("sealed"), nil },
	})
	require.NoError(t, err)
	f.exec(`UPDATE alphapulse.accounts SET status = 'active'`)
	return f
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	_, err := f.db.Exec(f.t.Context(), sql, args...)
	require.NoError(f.t, err)
}

// start runs a notifier until the test ends.
func (f *fixture) start(change ...func(*Config)) *Notifier {
	f.t.Helper()
	return f.startOn(f.db, queuetest.Discard(), change...)
}

func (f *fixture) startOn(db *postgres.DB, log *logrus.Entry, change ...func(*Config)) *Notifier {
	f.t.Helper()
	cfg := Config{
		Targets: []Target{f.to.target()}, Every: 10 * time.Millisecond, Hold: 50 * time.Millisecond, BrokerPatience: 50 * time.Millisecond,
	}
	for _, c := range change {
		c(&cfg)
	}
	n, err := New(cfg, Deps{DB: db, Broker: f.broker, Log: log})
	require.NoError(f.t, err)
	take, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(take, context.WithoutCancel(take)) }()
	f.t.Cleanup(func() {
		stop()
		require.NoError(f.t, <-done)
	})
	return n
}

// await waits until as many notices of a kind have been taken, and makes sure that
// there are not more.
func (f *fixture) await(kind string, n int) []Notice {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return len(f.to.notices(kind)) >= n }, patience, 5*time.Millisecond,
		"%d of %s", n, kind)
	require.Len(f.t, f.to.notices(kind), n)
	return f.to.notices(kind)
}

// looks waits until the notifier has looked again, twice: the first look may have
// begun before.
func (f *fixture) looks() {
	f.t.Helper()
	for range 2 {
		f.exec(`INSERT INTO alphapulse.conditions (kind, subject, message, absent_since) VALUES ('marker', 'x', '', '-infinity')`)
		require.Eventually(f.t, func() bool {
			var n int
			err := f.db.QueryRow(f.t.Context(), `SELECT count(*) FROM alphapulse.conditions WHERE kind = 'marker'`).Scan(&n)
			return err == nil && n == 0
		}, patience, 5*time.Millisecond)
	}
}

// Each condition is told once when it begins, and once when it is over, however
// often it is looked at.
func TestEachConditionIsToldOnceAndItsEndOnce(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct{ begin, end, subject, says string }{
		RunFailed: {
			`UPDATE alphapulse.sync_runs SET status = 'failed', finished_at = clock_timestamp(), trigger = 'manual'
WHERE id = (SELECT id FROM alphapulse.sync_runs WHERE account_id IS NOT NULL LIMIT 1)`,
			`INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger, status, finished_at)
SELECT id, '{orders}', 'schedule', 'succeeded', clock_timestamp() FROM alphapulse.accounts`, "main", "failed run manual",
		},
		SyncFailing: {
			`INSERT INTO alphapulse.sync_state (account_id, data_type, consecutive_failures, last_error_class, last_error_message)
SELECT id, 'orders', 3, 'decode', 'not JSON' FROM alphapulse.accounts`,
			`UPDATE alphapulse.sync_state SET consecutive_failures = 0`, "main orders", "3 times in a row: decode: not JSON",
		},
		DataStale: {
			`INSERT INTO alphapulse.sync_state (account_id, data_type, as_of)
SELECT id, 'orders', clock_timestamp() - interval '1 day' FROM alphapulse.accounts`,
			`UPDATE alphapulse.sync_state SET as_of = clock_timestamp() + interval '1 hour'`, "main", "orders: the oldest is",
		},
		KeyExpiring: {
			`UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() + interval '10 days'`,
			`UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() + interval '90 days'`, "main", "its key expires on",
		},
		AddressBanned: {
			`INSERT INTO alphapulse.egresses (egress, market_id, banned_until, reason)
SELECT 'host-1', id, clock_timestamp() + interval '1 hour', 'too fast' FROM alphapulse.markets`,
			`DELETE FROM alphapulse.egresses`, "host-1 at bybit testnet", "too fast",
		},
		ExchangeUnreachable: {
			`INSERT INTO alphapulse.sync_state (account_id, data_type, consecutive_failures, last_error_class, last_error_message)
SELECT id, 'orders', 3, 'transient', 'connection refused' FROM alphapulse.accounts`,
			`DELETE FROM alphapulse.sync_state`, "bybit testnet", "1 data types cannot be read: connection refused",
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start(func(cfg *Config) { cfg.Targets[0].Kinds = []string{kind} })
			f.looks()
			require.Empty(t, f.to.notices(kind), "nothing is wrong yet")
			f.exec(c.begin)
			begun := f.await(kind, 1)[0]
			require.Equal(t, "firing", begun.State)
			require.Equal(t, c.subject, begun.Subject)
			require.Contains(t, begun.Message, c.says)
			f.looks()
			require.Len(t, f.to.notices(kind), 1, "it is not repeated")
			f.exec(c.end)
			over := f.await(kind, 2)[1]
			require.Equal(t, "recovered", over.State)
			require.Equal(t, c.subject, over.Subject)
			require.True(t, begun.Since.Equal(over.Since))
			f.looks()
			require.Len(t, f.to.notices(kind), 2)
			require.Empty(t, f.to.bad, "signed")
		})
	}
}

func TestAWorseConditionIsToldAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	for i, left := range []string{"13 days", "12 days", "6 days", "5 hours", "-1 hour"} {
		f.exec(`UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() + $1::text::interval`, left)
		f.looks()
		f.await(KeyExpiring, max(1, i)) // the first two are as bad as each other
	}
	levels := []int{}
	for _, n := range f.to.notices(KeyExpiring) {
		levels = append(levels, n.Level)
	}
	require.Equal(t, []int{0, 1, 2, 3}, levels)
}

// What comes and goes is told once: its end must last.
func TestWhatComesAndGoesIsToldOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start(func(c *Config) { c.Hold = time.Hour })
	for range 3 {
		f.exec(`INSERT INTO alphapulse.egresses (egress, market_id, banned_until) SELECT 'h', id, 'infinity' FROM alphapulse.markets`)
		f.looks()
		f.exec(`DELETE FROM alphapulse.egresses`)
		f.looks()
	}
	require.Len(t, f.to.notices(AddressBanned), 1)
}

func TestTwoNotifiersTellOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 3 {
		f.start()
	}
	f.exec(`INSERT INTO alphapulse.egresses (egress, market_id, banned_until)
SELECT 'host-' || i, id, clock_timestamp() + interval '1 hour' FROM alphapulse.markets, generate_series(1, 30) i`)
	f.await(AddressBanned, 30)
	f.looks()
	ids := map[int64]bool{}
	for _, n := range f.await(AddressBanned, 30) {
		ids[n.ID] = true
	}
	require.Len(t, ids, 30)
}

// A target that does not take a notice is asked again, and its notice is dead
// when the attempts are used up; another target is not kept waiting.
func TestWhatIsNotTakenIsTriedAgainAndThenDead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := newReceiver(t)
	f.to.status.Store(http.StatusInternalServerError)
	f.start(func(c *Config) {
		c.Attempts = 2
		second := other.target()
		second.Name = "other"
		c.Targets = append(c.Targets, second)
	})
	f.exec(`INSERT INTO alphapulse.egresses (egress, market_id, banned_until) SELECT 'h', id, 'infinity' FROM alphapulse.markets`)
	require.Eventually(t, func() bool { return len(other.notices(AddressBanned)) == 1 }, patience, 5*time.Millisecond)
	state := func() (status string, attempts int, said string) {
		require.NoError(t, f.db.QueryRow(t.Context(), `
SELECT status, attempts, last_error FROM alphapulse.notice_deliveries WHERE target = 'desk'`).Scan(&status, &attempts, &said))
		return status, attempts, said
	}
	require.Eventually(t, func() bool { _, attempts, said := state(); return attempts == 1 && said != "" }, patience, 5*time.Millisecond)
	status, _, said := state()
	require.Equal(t, "pending", status)
	require.Contains(t, said, "500")
	f.exec(`UPDATE alphapulse.notice_deliveries SET next_at = clock_timestamp()`)
	require.Eventually(t, func() bool { status, _, _ := state(); return status == "dead" }, patience, 5*time.Millisecond)
	require.EqualValues(t, 2, f.to.tries.Load())

	f.to.status.Store(http.StatusNoContent)
	f.exec(`UPDATE alphapulse.notice_deliveries SET status = 'pending', attempts = 0, next_at = clock_timestamp() WHERE target = 'desk'`)
	f.await(AddressBanned, 1)
	require.Eventually(t, func() bool { status, _, _ := state(); return status == "delivered" }, patience, 5*time.Millisecond)
}

// A notifier that died with a notice in hand leaves it to the next one.
func TestADeliveryUnderWayIsLeased(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	n, err := New(Config{Targets: []Target{f.to.target()}}, Deps{DB: f.db, Broker: f.broker, Log: queuetest.Discard()})
	require.NoError(t, err)
	f.exec(`INSERT INTO alphapulse.egresses (egress, market_id, banned_until) SELECT 'h', id, 'infinity' FROM alphapulse.markets`)
	require.NoError(t, n.look(t.Context()))
	taken, err := n.take(t.Context())
	require.NoError(t, err)
	require.Len(t, taken, 1)
	again, err := n.take(t.Context())
	require.NoError(t, err)
	require.Empty(t, again, "it is another's")
	f.exec(`UPDATE alphapulse.notice_deliveries SET next_at = clock_timestamp()`)
	again, err = n.take(t.Context())
	require.NoError(t, err)
	require.Len(t, again, 1)
	require.Equal(t, 2, again[0].Attempt)
	require.NoError(t, n.record(t.Context(), taken[0], errors.New("late")))
	var said string
	require.NoError(t, f.db.QueryRow(t.Context(), `SELECT last_error FROM alphapulse.notice_deliveries`).Scan(&said))
	require.Empty(t, said, "a delivery that was taken over is not its first taker's any more")
}

func TestTheBrokersAbsenceIsTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.broker.down.Store(true)
	require.Contains(t, f.await(BrokerUnreachable, 1)[0].Message, "connection refused")
	f.broker.down.Store(false)
	require.Equal(t, "recovered", f.await(BrokerUnreachable, 2)[1].State)
}

// The absence of the database, which no table can hold, is told from memory.
func TestTheDatabasesAbsenceIsTold(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, nil)
	require.NoError(t, postgres.Migrate(t.Context(), server.URL(), nil))
	f := &fixture{t: t, to: newReceiver(t), broker: &broker{}}
	db := server.DB().Open(t, func(c *postgres.Config) { c.HealthCheckPeriod = 50 * time.Millisecond })
	f.startOn(db, queuetest.Discard())
	require.Eventually(t, db.Healthy, patience, time.Millisecond)
	server.Stop()
	begun := f.await(DatabaseUnreachable, 1)[0]
	require.Equal(t, "firing", begun.State)
	require.NotEmpty(t, begun.Message)
	server.Start()
	require.Equal(t, "recovered", f.await(DatabaseUnreachable, 2)[1].State)
}

func TestANoticeForSlackIsASentence(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start(func(c *Config) { c.Targets[0].Form = formSlack })
	f.exec(`INSERT INTO alphapulse.egresses (egress, market_id, banned_until, reason) SELECT 'h', id, clock_timestamp() + interval '1 hour', 'too fast' FROM alphapulse.markets`)
	taken := func(n int) func() bool {
		return func() bool {
			f.to.mu.Lock()
			defer f.to.mu.Unlock()
			return len(f.to.bodies) == n
		}
	}
	require.Eventually(t, taken(1), patience, 5*time.Millisecond)
	f.exec(`DELETE FROM alphapulse.egresses`)
	require.Eventually(t, taken(2), patience, 5*time.Millisecond)
	var texts []string
	for _, body := range f.to.bodies {
		var message map[string]string
		require.NoError(t, json.Unmarshal([]byte(body), &message))
		require.Len(t, message, 1)
		texts = append(texts, message["text"])
	}
	require.Contains(t, texts[0], "h at bybit testnet: address banned: until")
	require.Contains(t, texts[1], "no longer address banned")
}

func TestOldNoticesAreRemoved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(`INSERT INTO alphapulse.notices (kind, subject, state, level, message, since, at)
SELECT 'data_stale', i::text, 'firing', 0, '', clock_timestamp(), clock_timestamp() - i * interval '30 days' FROM generate_series(0, 250) i`)
	f.start()
	require.Eventually(t, func() bool {
		var n int
		err := f.db.QueryRow(t.Context(), `SELECT count(*) FROM alphapulse.notices`).Scan(&n)
		return err == nil && n == 3
	}, patience, 5*time.Millisecond)
}

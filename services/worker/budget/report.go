package budget

import (
	"context"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// A ban whose end is not named lasts this long, and so does the pause of an
// account (Bybit: at least ten minutes, and about a second).
const (
	unsaidBan   = 10 * time.Minute
	unsaidPause = time.Second
)

// report is what an exchange refused, for the database.
type report struct {
	class    exchange.Class
	uid      string // empty: the address was meant
	endpoint string
	until    time.Time
	reason   string
}

// Report implements exchange.Budget. When it returns every process of the fleet
// finds the ban or the pause with its next lease, and is being notified of a
// ban. If the database does not answer, this process keeps to it alone until it
// can tell: no other gets a lease either while that lasts.
func (f *Fleet) Report(use exchange.Use, fault *exchange.Error) {
	if fault.Class != exchange.RateLimited && fault.Class != exchange.Banned {
		return
	}
	a := f.address(use)
	r := a.note(use, fault, time.Now())
	ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
	defer cancel()
	if err := f.tell(ctx, a.venue, r); err != nil {
		f.cfg.Log.WithError(err).WithField("venue", a.venue).Warn("a refusal could not be told to other workers yet")
		a.mu.Lock()
		defer a.mu.Unlock()
		a.unsaid = append(a.unsaid, r)
	}
}

// note stops what must be stopped in this process.
func (a *address) note(use exchange.Use, fault *exchange.Error, now time.Time) report {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := report{class: fault.Class, uid: use.UID, endpoint: use.Endpoint, until: fault.RetryAt, reason: fault.Message}
	if fault.Class == exchange.Banned {
		if r.until.IsZero() {
			r.until = now.Add(unsaidBan)
		}
		a.ban(r.until, fault.Message)
		return r
	}
	if r.until.IsZero() {
		r.until = now.Add(unsaidPause)
	}
	if use.UID != "" {
		a.meter(use).block(r.until)
	} else {
		a.tokens = nil
	}
	return r
}

// sayUnsaid tells what could not be told before.
func (a *address) sayUnsaid(ctx context.Context) error {
	a.mu.Lock()
	unsaid := a.unsaid
	a.unsaid = nil
	a.mu.Unlock()
	for i, r := range unsaid {
		if err := a.fleet.tell(ctx, a.venue, r); err != nil {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.unsaid = append(unsaid[i:], a.unsaid...)
			return err
		}
	}
	return nil
}

func (f *Fleet) tell(ctx context.Context, venue string, r report) error {
	left := max(time.Until(r.until), 0)
	switch {
	case r.class == exchange.Banned:
		return describe("storing a ban", f.tellBan(ctx, venue, r.reason, left))
	case r.uid == "":
		return describe("slowing an address down", f.slowAddress(ctx, venue))
	default:
		return describe("slowing an account down", f.slowAccount(ctx, venue, r, left))
	}
}

// The share is halved at most once a second, however many requests were refused.
const halved = `
CASE WHEN n.now - t.share_at < 1000000 THEN t.share
     ELSE greatest(n.least, least(1, t.share + 0.1 * (n.now - t.share_at) / 1000000) / 2) END`

// What is left at least. Of an account the exchange tells the limit and what is
// used of it, so that a refusal that goes on is none of our doing, and the pause
// that it asks for is slow enough; of an address it tells nothing.
const (
	leastOfAccount = 1.0 / 4
	leastOfAddress = 1.0 / 32
)

const moment = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

func (f *Fleet) slowAddress(ctx context.Context, venue string) error {
	_, err := f.db.Exec(ctx, `
UPDATE alphapulse.address_budgets t
SET share = `+halved+`, share_at = CASE WHEN n.now - t.share_at < 1000000 THEN t.share_at ELSE n.now END
FROM (SELECT `+moment+` AS now, $3::float8 AS least) n
WHERE t.egress = $1 AND t.venue = $2`, f.cfg.Egress, venue, leastOfAddress)
	return err
}

func (f *Fleet) slowAccount(ctx context.Context, venue string, r report, left time.Duration) error {
	_, err := f.db.Exec(ctx, `
UPDATE alphapulse.account_budgets t
SET share = `+halved+`, share_at = CASE WHEN n.now - t.share_at < 1000000 THEN t.share_at ELSE n.now END,
    blocked_until = greatest(t.blocked_until, n.now + $4)
FROM (SELECT `+moment+` AS now, $5::float8 AS least) n
WHERE t.venue = $1 AND t.uid = $2 AND t.endpoint = $3`, venue, r.uid, r.endpoint, left.Microseconds(), leastOfAccount)
	return err
}

// tellBan stores a ban and wakes every listener. A ban is never shortened.
func (f *Fleet) tellBan(ctx context.Context, venue, reason string, left time.Duration) error {
	_, err := f.db.Exec(ctx, `
WITH stored AS (
    INSERT INTO alphapulse.egress_bans AS b (egress, venue, banned_until, reason)
    VALUES ($1, $2, clock_timestamp() + $3, $4)
    ON CONFLICT (egress, venue) DO UPDATE
    SET banned_until = greatest(b.banned_until, excluded.banned_until), reason = excluded.reason
    RETURNING 1)
SELECT pg_notify($5, $1) FROM stored`, f.cfg.Egress, venue, left, reason, banChannel)
	return err
}

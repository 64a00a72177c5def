package budget

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// What an account that has had a rest is given without arithmetic is what the arithmetic
// gives. It is not taken by who reports anything, be it that nothing was used.
func TestAShortLeaseIsWhatTheLongOneComesTo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	second := time.Second.Microseconds()
	for name, c := range map[string]asking{
		"never asked":           {size: 50},
		"after a rest":          {size: 50, sentAgo: []int64{9 * second, 2 * second}},
		"just out of use":       {size: 50, sentAgo: []int64{1600 * 1000, 1501 * 1000}},
		"in the window":         {size: 50, sentAgo: []int64{9 * second, second / 2}},
		"at the window's end":   {size: 3, sentAgo: []int64{second * 9 / 10, second * 9 / 10, second * 9 / 10}, about: true},
		"no room for spare":     {size: 5},
		"room for spare":        {size: 6},
		"one at a time":         {size: 1},
		"blocked":               {size: 50, blockedFor: second, about: true},
		"blocked before":        {size: 50, blockedFor: -second},
		"none of the address":   {size: 50, noRoom: true},
		"slow to get away":      {size: 50, late: 3 * second / 2},
		"its share is cut":      {size: 50, share: 0.02},
		"the share comes again": {size: 50, share: 0.02, sharedFor: 9 * second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			short, long := c.ask(t, db, name+"/short", -1), c.ask(t, db, name+"/long", 0)
			require.Equal(t, long, short)
		})
	}
}

// asking is a state of an account, in microseconds before the lease, and what its lease
// is asked under.
type asking struct {
	size       int
	sentAgo    []int64
	blockedFor int64
	share      float64 // 0: all
	sharedFor  int64   // how long ago the share was cut
	late       int64
	noRoom     bool
	about      bool // its times follow from earlier ones, and not from the lease's alone
}

// answered is what a lease gives an account and leaves behind, as times from the lease on.
type answered struct {
	Live, Backfill, Spare []int64
	Next, BackfillNext    int64
	Size                  int
	Sent                  []int64
}

func (c asking) ask(t *testing.T, db *postgres.DB, uid string, used int) answered {
	t.Helper()
	live := 1
	if c.noRoom {
		live = 0
	}
	if c.share == 0 {
		c.share = 1
	}
	_, err := db.Exec(t.Context(), `
INSERT INTO alphapulse.account_budgets (venue, uid, endpoint, sent, blocked_until, share, share_at)
SELECT 'venue', $1, '/a', coalesce((SELECT array_agg(at.now - s) FROM unnest($2::bigint[]) s), '{}'), at.now + $3, $4, at.now - $5
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) at`, uid, c.sentAgo, c.blockedFor, c.share, c.sharedFor)
	require.NoError(t, err)
	const ask = `
SELECT moment, live, backfill, spare, live_next, backfill_next, size
FROM alphapulse.lease_group($1, 'venue', 0, $2, 0, 1, 1, 500000, 225000, 3000000, 150000, ARRAY[$3], '{/a}', '{1}', '{0}', '{2}',
    ARRAY[$4::integer], '{1000000}', '{0}', ARRAY[$5::integer], '{0}', 80000, 1000000, $6, '{}', '{}', '{}')
WHERE place = 1`
	var a answered
	var moment int64
	err = db.QueryRow(t.Context(), ask, "of "+uid, live, uid, c.size, used, c.late).
		Scan(&moment, &a.Live, &a.Backfill, &a.Spare, &a.Next, &a.BackfillNext, &a.Size)
	require.NoError(t, err)
	err = db.QueryRow(t.Context(), `SELECT sent FROM alphapulse.account_budgets WHERE uid = $1`, uid).Scan(&a.Sent)
	require.NoError(t, err)
	since := func(at int64) int64 {
		after := at - moment
		if c.about || after < 0 { // what came before is not at the same distance in both cases
			after = time.Duration(after * 1000).Round(100 * time.Millisecond).Microseconds()
		}
		return after
	}
	for _, times := range [][]int64{a.Live, a.Spare, a.Sent} {
		for i, at := range times {
			times[i] = since(at)
		}
	}
	a.Next, a.BackfillNext = since(a.Next), since(a.BackfillNext)
	return a
}

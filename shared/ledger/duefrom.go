package ledger

import (
	"context"
	"time"
)

// lookBack is how long before the time that it is given a step begins to look, in SQL:
// for what was made due by a transaction that had not yet committed, and for what
// somebody else had locked.
const lookBack = `interval '2 seconds'`

// lookingFrom is where a statement begins to look for what is due, given the time in a
// parameter before which nothing was due the last time.
//
// What is done with stays in the index until the next vacuum, in front of all that is
// due. A scheduler that walked over it at each step came to do little else: at 6,000
// slots a second it was 12 ms a step, half a minute after a vacuum. Somebody has to look
// at the very beginning now and then (the zero time): for what was locked for longer,
// and for what was made due longer ago than it is visible. A clock that was set back
// hides nothing.
func lookingFrom(param string) string {
	return `(SELECT least(` + param + `::timestamptz, clock_timestamp()) - ` + lookBack + `)`
}

// until gives how long it is until the time that next finds, at most limit, and that
// time or the server's own, whichever is earlier. The statement has limit in $1 and from
// in $2, and finds nothing if nothing is due by then.
func (l *Ledger) until(ctx context.Context, next string, from time.Time, limit time.Duration) (wait time.Duration, first time.Time, err error) {
	query := `
SELECT least(greatest(coalesce(n.next_at - c.now, $1::interval), interval '0'), $1::interval), least(n.next_at, c.now)
FROM (SELECT clock_timestamp() AS now) c LEFT JOIN LATERAL (` + next + `) n ON true`
	err = l.db.QueryRow(ctx, query, limit, from).Scan(&wait, &first)
	return wait, first, err
}

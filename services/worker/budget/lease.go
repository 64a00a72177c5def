package budget

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// grant is one row of a lease: of the address, or of an account and endpoint.
type grant struct {
	Place        int
	Moment       int64
	Banned       *int64
	Live         []int64
	Backfill     []int64
	Spare        []int64
	LiveNext     *int64
	BackfillNext *int64
	Size         *int
}

const leaseStatement = `
SELECT * FROM alphapulse.lease_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
    $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)`

// lease asks the database for what was ordered, and hands it out.
func (a *address) lease(o *order) {
	ctx, cancel := context.WithTimeout(context.Background(), leaseTimeout)
	defer cancel()
	a.fleet.leases.Add(1)
	err := a.sayUnsaid(ctx)
	var rows []grant
	before := time.Now()
	if err == nil {
		rows, err = a.fleet.ask(ctx, a.venue, a.pace, o)
	}
	after := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leasing = false
	if err != nil {
		a.fail(o, err, after)
	} else {
		a.unleased = nil
		a.receive(o, rows, before, after)
	}
	a.serve(time.Now())
	a.nudge()
}

// ask runs the one statement that is a lease.
func (f *Fleet) ask(ctx context.Context, venue string, p pace, o *order) ([]grant, error) {
	var uids, endpoints []string
	var live, backfill, spare, published, told, used, movedKey []int
	var window, age, movedFrom, movedTo []int64
	for i, m := range o.meters {
		uids, endpoints = append(uids, m.meter.uid), append(endpoints, m.meter.endpoint)
		live, backfill = append(live, m.want[exchange.Live]), append(backfill, m.want[exchange.Backfill])
		spare, told, used = append(spare, m.spare), append(told, m.told), append(used, m.used)
		published = append(published, m.meter.published.Requests)
		window, age = append(window, m.meter.published.Window.Microseconds()), append(age, m.age.Microseconds())
		for _, moved := range m.moves {
			movedKey = append(movedKey, i+1)
			movedFrom, movedTo = append(movedFrom, moved.from), append(movedTo, moved.to)
		}
	}
	rows, err := f.db.Query(ctx, leaseStatement,
		f.cfg.Egress, venue, o.held, o.want[exchange.Live], o.want[exchange.Backfill], o.spare,
		micros(p.every), micros(p.burst), micros(p.reserve),
		f.cfg.LiveWait.Microseconds(), addressAhead.Microseconds(),
		uids, endpoints, live, backfill, spare, published, window, told, used, age,
		accountAhead.Microseconds(), spareLife.Microseconds(), o.late.Microseconds(), movedKey, movedFrom, movedTo)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[grant])
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// receive takes what a lease brought.
func (a *address) receive(o *order, rows []grant, before, after time.Time) {
	for _, row := range rows {
		t := translation{moment: row.Moment, before: before, after: after}
		switch {
		case row.Banned != nil:
			a.ban(t.at(*row.Banned), "")
			return
		case row.Place == 0:
			a.receiveAddress(o, row, t)
		default:
			receiveMeter(o.meters[row.Place-1], row, t, o.late)
		}
	}
}

func (a *address) receiveAddress(o *order, row grant, t translation) {
	for _, list := range [][]int64{row.Live, row.Backfill, row.Spare} {
		for _, at := range list {
			a.tokens = append(a.tokens, t.token(at, 0, addressLife))
		}
	}
	a.slot = [2]time.Time{t.at(*row.LiveNext), t.at(*row.BackfillNext)}
	a.next = [2]time.Time{}
	if len(row.Live) < o.want[exchange.Live] {
		a.next[exchange.Live] = a.slot[exchange.Live].Add(-a.fleet.cfg.LiveWait)
	}
	if len(row.Backfill) < o.want[exchange.Backfill] {
		// Not all at the same moment, and for more than one request.
		a.next[exchange.Backfill] = a.slot[exchange.Backfill].Add(-addressAhead/2 + rand.N(addressAhead/4))
	}
}

func receiveMeter(m *metered, row grant, t translation, late time.Duration) {
	m.meter.shrink(*row.Size)
	for n, at := range append(row.Live, row.Backfill...) {
		usually := late
		if at != row.Moment+int64(n) {
			usually = 0 // its turn is awaited
		}
		if m.foreseen {
			m.meter.moves = append(m.meter.moves, move{from: at + usually.Microseconds()})
			continue
		}
		m.meter.tokens = append(m.meter.tokens, t.token(at, usually, accountLife))
	}
	for _, at := range row.Spare {
		m.meter.tokens = append(m.meter.tokens, t.spare(at))
	}
	m.meter.size = *row.Size
	m.meter.slot = t.at(*row.LiveNext)
	m.meter.next = [2]time.Time{}
	if len(row.Live) < m.want[exchange.Live] || len(row.Backfill) < m.want[exchange.Backfill] {
		m.meter.next[exchange.Backfill] = m.meter.slot.Add(-accountAhead / 2)
		m.meter.next[exchange.Live] = m.meter.slot.Add(-accountAhead / 2)
	}
}

// translation turns the database's times of one row into ours. The row was made
// between before and after.
type translation struct {
	moment        int64
	before, after time.Time
}

// at is when, at the latest, the database's clock shows that time.
func (t translation) at(micros int64) time.Time {
	return t.after.Add(time.Duration(micros-t.moment) * time.Microsecond)
}

// start is when, at the earliest, it does.
func (t translation) start(micros int64) time.Time {
	return t.before.Add(time.Duration(micros-t.moment) * time.Microsecond)
}

// token is given for a time, and counts as sent so much later.
func (t translation) token(at int64, late, life time.Duration) token {
	charge := at + late.Microseconds()
	return token{at: t.at(at), until: t.at(at).Add(life), charge: charge, start: t.start(charge), slot: t.start(at)}
}

// spare is usable at once until it counts as sent.
func (t translation) spare(until int64) token {
	return token{at: t.after, until: t.start(until), charge: until, start: t.start(until)}
}

// fail leaves those who wait to the next try, as long as they can: a database
// that restarts or fails over is back before most of them have to go. Who cannot
// wait is refused: without a budget nothing is sent. What was to be told is told
// again, as far as it still matters.
func (a *address) fail(o *order, err error, now time.Time) {
	a.failed = now.Add(leasePause)
	for _, m := range o.meters {
		m.meter.moves = append(m.moves, m.meter.moves...)
		if m.meter.told == 0 {
			m.meter.told = m.told
		}
	}
	if a.unleased == nil {
		a.fleet.cfg.Log.WithError(err).WithField("venue", a.venue).Warn("no requests could be leased; it is tried again")
	}
	a.unleased = err
	if !a.fleet.ended() {
		return
	}
	a.unleased = fmt.Errorf("the worker is stopping: %w", err)
	for _, w := range a.queue.all() {
		a.queue.remove(w)
		w.done <- a.unasked()
	}
}

// unasked is the fault of who has waited for a lease in vain.
func (a *address) unasked() *exchange.Error {
	return &exchange.Error{
		Class: exchange.Transient, Code: "budget", RetryAt: a.failed, Cause: a.unleased,
		Message: "the request budget of the fleet, which is in the database, could not be asked, and without it no request is sent",
	}
}

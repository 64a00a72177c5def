package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// attempt is one claim at work: the job, and what it reads with.
type attempt struct {
	job *ledger.Claimed
	log *logrus.Entry
	db  *postgres.DB

	metrics *queueMeasures

	account exchange.Prober      // nil for a market's job
	market  exchange.PriceReader // nil for an account's job
	clock   *exchange.Clock

	// claimedAt is our clock at the claim; with job.ClaimedAt it gives the
	// database's clock at any later time.
	claimedAt time.Time

	// paid is set when a window of a history was read to its end: from then on
	// giving the attempt up costs requests. rows is how many rows of histories it
	// has read.
	paid bool
	rows int
	// held are the rows that all attempts of the process have read, until letGo.
	held *heldRows
}

// hold counts rows of a history that were read.
func (a *attempt) hold(n int) {
	a.rows += n
	a.held.add(n)
}

// letGo forgets them: they were written, or are lost. What a job of lane backfill reads
// is learnt from those that could read.
func (a *attempt) letGo() {
	if a.paid && a.job.Lane == syncjob.Backfill {
		a.held.read(a.rows)
	}
	a.held.add(-a.rows)
	a.rows = 0
}

// now is the database's clock.
func (a *attempt) now() time.Time { return a.job.ClaimedAt.Add(time.Since(a.claimedAt)) }

// exchangeNow is the exchange's clock, as far as it has been measured.
func (a *attempt) exchangeNow() time.Time {
	offset, _ := a.clock.Offset()
	return time.Now().Add(offset)
}

// halfTimeOver reports whether half of the attempt's time is used.
func (a *attempt) halfTimeOver() bool { return time.Since(a.claimedAt) > a.job.Timeout/2 }

// longestSitOut is the most that an attempt waits in its slot for the exchange.
const longestSitOut = 5 * time.Second

// sitsOut waits out a limit inside the attempt, and reports whether it is over
// and the window can be read again. An attempt that has read nothing yet gives
// its slot to another instead, and so does one whose time goes.
func (a *attempt) sitsOut(ctx context.Context, fault *exchange.Error) bool {
	if fault == nil || fault.Class != exchange.RateLimited || !a.paid || a.halfTimeOver() {
		return false
	}
	left := time.Until(fault.RetryAt)
	if fault.RetryAt.IsZero() || left > longestSitOut {
		return false
	}
	over := time.NewTimer(left)
	defer over.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-over.C:
		return true
	}
}

// mostRows is about as many rows of a history as one commit can write while its
// lease lasts.
const mostRows = 50_000

// enough says why a walk of a history should read no further window; empty: it
// should.
func (a *attempt) enough() string {
	switch {
	case a.halfTimeOver():
		return "the time was up"
	case a.rows >= mostRows:
		return fmt.Sprintf("%d rows were read, which is enough for one commit,", a.rows)
	case a.rows >= worthCommit && a.held.full():
		return fmt.Sprintf("%d rows were read, and all jobs of this worker hold as many as it may,", a.rows)
	default:
		return ""
	}
}

// leftOver is the fault of a walk that ended before a window although nothing is
// wrong. What was read is stored.
func (a *attempt) leftOver(why string, w exchange.Window) *exchange.Error {
	next := "the next job goes on"
	if a.job.Lane != syncjob.Live {
		next = "the rest is read when holes are filled, or by the same backfill again"
	}
	return &exchange.Error{Class: exchange.Incomplete, Message: fmt.Sprintf(
		"%s before %s; %s", why, w.From.UTC().Format(time.RFC3339), next)}
}

// cutOff is the fault of a walk that a limit or the end of its time cut off. One
// that has read something keeps it: thrown away, the same would be read and lost
// again and again.
func (a *attempt) cutOff(ctx context.Context, fault *exchange.Error, w exchange.Window) *exchange.Error {
	switch {
	case fault == nil || !a.paid:
		return fault
	case fault.Class == exchange.RateLimited:
		return a.leftOver("the exchange's limit was reached ("+faultText(fault)+")", w)
	case errors.Is(context.Cause(ctx), errTimeUp):
		return a.leftOver("the time was up", w)
	default:
		return fault
	}
}

// connect makes the readers of the job's account or market.
func (w *Worker) connect(ctx context.Context, a *attempt) *exchange.Error {
	adapter := w.exchanges[a.job.Exchange]
	if adapter == nil {
		return &exchange.Error{
			Class: exchange.Unsupported, Message: fmt.Sprintf("this worker has no adapter for exchange %q", a.job.Exchange),
		}
	}
	listed, err := w.catalog.of(ctx, a.job.MarketID)
	if err != nil {
		return databaseFault("reading what the market lists", err)
	}
	target := exchange.Target{
		Environment: a.job.Environment, BaseURL: a.job.BaseURL, UID: a.job.ExchangeUID, Mode: a.job.Mode,
		SettleCoins: listed.settleCoins, OptionBases: listed.optionBases,
	}
	if a.job.Subject.Kind == syncjob.Market {
		market, err := adapter.Market(target)
		if err != nil {
			return settingsFault(err)
		}
		a.market, a.clock = market, clockOf(market)
		return nil
	}
	credentials, fault := w.credentials(a.job)
	if fault != nil {
		return fault
	}
	account, err := adapter.Account(target, credentials)
	if err != nil {
		return settingsFault(err)
	}
	a.account, a.clock = account, clockOf(account)
	return nil
}

func clockOf(source any) *exchange.Clock {
	if keeper, ok := source.(exchange.Timekeeper); ok {
		return keeper.Clock()
	}
	return exchange.NewClock()
}

func settingsFault(err error) *exchange.Error {
	return &exchange.Error{Class: exchange.BadRequest, Message: "the account's exchange settings are wrong", Cause: err}
}

// credentials opens the account's sealed key. That it cannot be opened is a
// fault of this worker's vault key and not of the account's, so it is not of
// class auth.
func (w *Worker) credentials(job *ledger.Claimed) (exchange.Credentials, *exchange.Error) {
	if job.Sealed == nil {
		return exchange.Credentials{}, &exchange.Error{
			Class: exchange.Auth, Message: "no key is stored for this account; set one with `accounts set-key`",
		}
	}
	opened, err := w.keys.open(w.deps.Opener, job.Subject.ID, job.KeyVersion, job.Sealed)
	if err != nil {
		return exchange.Credentials{}, &exchange.Error{Class: classInternal, Message: err.Error()}
	}
	return exchange.NewCredentials(opened.Key.Reveal(), []byte(opened.Secret.Reveal())), nil
}

// serve gives the account's reader of one kind of data.
func serve[R any](a *attempt) (R, *exchange.Error) {
	source, ok := a.account.(R)
	if !ok {
		return source, &exchange.Error{
			Class: exchange.Unsupported, Message: fmt.Sprintf("%s does not serve %s", a.job.Exchange, a.job.DataType),
		}
	}
	return source, nil
}

// serveMarket gives the market's reader of one kind of data.
func serveMarket[R any](a *attempt) (R, *exchange.Error) {
	source, ok := a.market.(R)
	if !ok {
		return source, &exchange.Error{
			Class: exchange.Unsupported, Message: fmt.Sprintf("%s does not serve %s", a.job.Exchange, a.job.DataType),
		}
	}
	return source, nil
}

// storedRows counts the rows that a table holds of a scope.
func (a *attempt) storedRows(ctx context.Context, t snapshot.Table, scope string) (int, error) {
	query := fmt.Sprintf(`SELECT count(*) FROM alphapulse.%s WHERE %s = $1 AND %s = $2`, t.Name, t.Subject, t.Scope)
	var n int
	err := a.db.QueryRow(ctx, query, a.job.Subject.ID, scope).Scan(&n)
	return n, err
}

// storedOpenOrders reads the orders that the table says are open, or whose
// state it does not know.
func (a *attempt) storedOpenOrders(ctx context.Context) ([]storedOrder, error) {
	const query = `
SELECT category, order_id, coalesce(client_order_id, ''), coalesce(symbol, ''), coalesce(side, ''), coalesce(order_type, ''),
       coalesce(time_in_force, ''), status, coalesce(exchange_status, ''), coalesce(price::text, ''),
       coalesce(quantity::text, ''), coalesce(filled_quantity::text, ''), coalesce(average_price::text, ''),
       coalesce(trigger_price::text, ''), fees, reduce_only, created_at, updated_at, coalesce(scope, ''), observed_at,
       EXISTS (SELECT FROM alphapulse.orders_history h
               WHERE h.account_id = o.account_id AND h.category = o.category AND h.order_id = o.order_id)
FROM alphapulse.orders o
WHERE account_id = $1 AND status IN ('untriggered', 'open', 'partially_filled', 'unknown')`
	rows, err := a.db.Query(ctx, query, a.job.Subject.ID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (storedOrder, error) {
		var o storedOrder
		var created, updated *time.Time
		err := row.Scan(&o.Category, &o.OrderID, &o.ClientOrderID, &o.Symbol, &o.Side, &o.OrderType, &o.TimeInForce,
			&o.Status, &o.ExchangeStatus, &o.Price, &o.Quantity, &o.FilledQuantity, &o.AveragePrice, &o.TriggerPrice,
			&o.Fees, &o.ReduceOnly, &created, &updated, &o.Scope, &o.ObservedAt, &o.Written)
		if created != nil {
			o.CreatedAt = *created
		}
		if updated != nil {
			o.UpdatedAt = *updated
		}
		return o, err
	})
}

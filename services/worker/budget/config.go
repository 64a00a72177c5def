package budget

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Config sets a Fleet.
type Config struct {
	// Egress names the address that limits per address count. Every process
	// behind one address must be given the same name.
	Egress string
	// RequestsPerSecond is what the address may ask of each venue, all its
	// processes together; 0: four fifths of what the exchange publishes.
	RequestsPerSecond float64
	// LiveWait and BackfillWait are the longest waits for a turn; what would take
	// longer is refused. 0: 3 s and 6 s. They are a part of Policies.Attempt.
	LiveWait, BackfillWait time.Duration
	Log                    *logrus.Entry
}

const (
	// usedShare of the published limit per address is ours; the rest is for
	// whatever else runs behind the address.
	usedShare = 0.8
	// addressBurst is how much of its budget an address may use at once after a
	// pause, as a time; reservedBurst is the part that is for live requests.
	addressBurst  = 500 * time.Millisecond
	reservedBurst = 225 * time.Millisecond
	// addressAhead and accountAhead are how far ahead backfill may be granted.
	// They bound what one lease takes from others, and how long a live request
	// of the same account waits behind backfill.
	addressAhead = 150 * time.Millisecond
	accountAhead = 80 * time.Millisecond
	// Live waiters up to mostLive and backfill up to mostBackfill are served by
	// one lease, so that no process takes everything.
	mostLive     = 32
	mostBackfill = 8
	// Requests of an account are leased beyond those that wait, while no more than
	// half of its budget is in use: the pages of a walk follow each other. It is twice
	// as many as were used since the last lease, within the first bounds. Of the
	// address it is as many as were used, within the second.
	fewestSpare, mostSpare               = 2, 12
	fewestAddressSpare, mostAddressSpare = 6, 64
	spareLife                            = time.Second
	// addressLife and accountLife bound how late a grant may be used.
	addressLife = 500 * time.Millisecond
	accountLife = 300 * time.Millisecond
	// lateness is what the room in an account's window covers. What is used
	// later than that is reported, at the latest flushAfter it was.
	lateness   = 10 * time.Millisecond
	flushAfter = 200 * time.Millisecond
	// tooLate is how long after its grant a caller may wake up: a process that
	// was stopped meanwhile has lost its turn. longWay is how long a request is on
	// its way before it counts as arriving only now, lostAfter how long at most.
	tooLate   = 50 * time.Millisecond
	longWay   = 300 * time.Millisecond
	lostAfter = 3 * time.Second
	// nearLimit is how many requests an account should have left after each. We
	// keep a twentieth of its limit free, so with fewer something was late, or
	// somebody else uses the account.
	nearLimit = 2
	// hearsay is how long an exchange's count is worth reporting.
	hearsay = 300 * time.Millisecond
	// leaseTimeout bounds a lease's statement, reportTimeout that of a report;
	// leaseRest after a lease was asked for the next one is, for all who have come
	// meanwhile; after a failure the next one is leasePause off.
	leaseTimeout  = 5 * time.Second
	leaseRest     = 5 * time.Millisecond
	reportTimeout = 2 * time.Second
	leasePause    = 500 * time.Millisecond
)

// complete fills in the defaults and names every mistake at once.
func (c Config) complete() (Config, error) {
	c.LiveWait = cmp.Or(c.LiveWait, 3*time.Second)
	c.BackfillWait = cmp.Or(c.BackfillWait, 6*time.Second)
	var faults []error
	if c.Egress == "" {
		faults = append(faults, errors.New("request budget: the egress must have a name"))
	}
	if c.RequestsPerSecond < 0 {
		faults = append(faults, fmt.Errorf("request budget: requests per second must not be negative, is %g", c.RequestsPerSecond))
	}
	if c.LiveWait < 0 || c.BackfillWait < 0 {
		faults = append(faults, fmt.Errorf("request budget: the longest waits must not be negative, are %s and %s", c.LiveWait, c.BackfillWait))
	}
	if c.Log == nil {
		faults = append(faults, errors.New("request budget: no log given"))
	}
	return c, errors.Join(faults...)
}

func (c Config) wait(p exchange.Priority) time.Duration {
	if p == exchange.Backfill {
		return c.BackfillWait
	}
	return c.LiveWait
}

// pace is how the requests of an address are spaced.
type pace struct {
	every, burst, reserve time.Duration
}

// pace applies the configuration to what the exchange publishes. An exchange
// that publishes nothing is asked no more than ten times a second.
func (c Config) pace(published exchange.Limit) pace {
	rate := c.RequestsPerSecond
	if rate == 0 {
		rate = 10
		if published.Requests > 0 && published.Window > 0 {
			rate = usedShare * float64(published.Requests) / published.Window.Seconds()
		}
	}
	every := time.Duration(float64(time.Second) / rate)
	burst := max(addressBurst, every)
	return pace{every: every, burst: burst, reserve: min(reservedBurst, burst-every)}
}

package worker

import (
	"context"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
)

// banPoll is how often the table is asked for bans that other workers of the
// address met.
const banPoll = 2 * time.Second

// bans are the markets that refuse this worker's address. The table is the
// truth; this is what the worker knows of it.
type bans struct {
	ledger *ledger.Ledger
	egress string
	log    *logrus.Entry

	mu    sync.Mutex
	until map[string]time.Time // by market
}

func newBans(l *ledger.Ledger, egress string, log *logrus.Entry) *bans {
	return &bans{ledger: l, egress: egress, log: log, until: map[string]time.Time{}}
}

// left is how long the market still refuses the address; 0 if it does not.
func (b *bans) left(marketID string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(time.Until(b.until[marketID]), 0)
}

func (b *bans) note(marketID string, left time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left <= 0 {
		delete(b.until, marketID)
		return
	}
	b.until[marketID] = time.Now().Add(left)
}

// refresh tells the table that this address is in use, and learns of bans.
func (b *bans) refresh(ctx context.Context, markets []ledger.Market) {
	for _, m := range markets {
		left, err := b.ledger.SeeEgress(ctx, b.egress, m.ID)
		if err != nil {
			if ctx.Err() == nil {
				b.log.WithError(err).Warn("bans could not be read")
			}
			return
		}
		b.note(m.ID, left)
	}
}

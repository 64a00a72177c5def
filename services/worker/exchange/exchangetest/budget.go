package exchangetest

import (
	"context"
	"slices"
	"sync"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// budget grants everything and remembers who asked and what was reported.
type budget struct {
	mu       sync.Mutex
	taken    []exchange.Use
	reported []exchange.Class
}

// Take implements exchange.Budget.
func (b *budget) Take(ctx context.Context, use exchange.Use) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken = append(b.taken, use)
	return ctx.Err()
}

// Report implements exchange.Budget.
func (b *budget) Report(_ exchange.Use, fault *exchange.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reported = append(b.reported, fault.Class)
}

func (b *budget) uses() []exchange.Use {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.taken)
}

func (b *budget) wasTold(class exchange.Class) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.reported, class)
}

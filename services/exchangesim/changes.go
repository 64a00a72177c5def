package exchangesim

import (
	"fmt"
	"sync"

	"github.com/shopspring/decimal"
)

// maxChanges bounds the admin's changes per account and kind.
const maxChanges = 10_000

// changes is what the admin did to one account, in order of time. Entries are
// only ever appended, so a copy of the struct is a stable view of the past.
type changes struct {
	balances  []balanceChange
	positions []positionChange
	orders    []orderChange
	profiles  []profile
}

// balanceChange sets an asset's wallet balance from an instant on; nil removes
// the asset.
type balanceChange struct {
	at     int64
	wallet string
	coin   string
	amount *decimal.Decimal
}

// positionChange replaces a position from an instant on; nil closes it.
type positionChange struct {
	at       int64
	category string
	symbol   string
	idx      int
	opened   *position
}

type orderAct int

const (
	orderPlaced orderAct = iota
	orderFilled
	orderCancelled
	orderForgotten
)

type orderChange struct {
	at     int64
	act    orderAct
	id     string
	placed *placedOrder // for orderPlaced
}

// changeBook keeps the changes of all accounts that have any. An account
// without changes costs nothing.
type changeBook struct {
	mu       sync.RWMutex
	accounts map[int]*changes
}

func newChangeBook() *changeBook { return &changeBook{accounts: map[int]*changes{}} }

func (b *changeBook) of(index int) changes {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if c := b.accounts[index]; c != nil {
		return *c
	}
	return changes{}
}

// add appends to an account's changes unless they are full.
func (b *changeBook) add(index int, appendTo func(*changes)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.accounts[index]
	if c == nil {
		c = &changes{}
		b.accounts[index] = c
	}
	if max(len(c.balances), len(c.positions), len(c.orders), len(c.profiles)) >= maxChanges {
		return fmt.Errorf("this account has %d changes already, and the stand-in keeps no more: use another account, or restart it", maxChanges)
	}
	appendTo(c)
	return nil
}

// indexOfUID finds the account whose UID was changed to uid.
func (b *changeBook) indexOfUID(uid string) (int, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	found, ok := 0, false
	for index, c := range b.accounts {
		if n := len(c.profiles); n > 0 && c.profiles[n-1].uid == uid && (!ok || index < found) {
			found, ok = index, true
		}
	}
	return found, ok
}

// balance gives the last change of an asset of a wallet at or before an instant.
func (c changes) balance(wallet, coin string, at int64) (balanceChange, bool) {
	for i := len(c.balances) - 1; i >= 0; i-- {
		if b := c.balances[i]; b.wallet == wallet && b.coin == coin && b.at <= at {
			return b, true
		}
	}
	return balanceChange{}, false
}

func (c changes) position(category, symbol string, idx int, at int64) (positionChange, bool) {
	for i := len(c.positions) - 1; i >= 0; i-- {
		if p := c.positions[i]; p.at <= at && p.category == category && p.symbol == symbol && p.idx == idx {
			return p, true
		}
	}
	return positionChange{}, false
}

// order gives the changes of one order up to an instant, oldest first.
func (c changes) order(id string, at int64) []orderChange {
	var found []orderChange
	for _, o := range c.orders {
		if o.id == id && o.at <= at {
			found = append(found, o)
		}
	}
	return found
}

package exchangesim

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"sync"

	"github.com/shopspring/decimal"
)

// Bench makes accounts that cost next to nothing to serve, so that a benchmark
// measures its client and not this exchange. Every account shows what account 0
// shows. A wallet has exactly Rows.Assets coins, which neither positions nor orders
// bind and which are worth nothing in dollars. A page of a history whose window ended
// more than an hour ago is computed once and kept.
//
// Keys, signatures, limits and faults are as always. What the admin changes of
// account 0 shows in all accounts, but for wallets, which stay as they are.
type Bench struct {
	On bool
	// Changing is the share of a wallet's coins, from 0 to 1, whose amounts differ
	// at every instant; those of the others never change.
	Changing float64
}

// changing counts the coins of a wallet that change.
func (b Bench) changing(assets int) int { return int(math.Round(b.Changing * float64(assets))) }

func (b Bench) validate() []error {
	if b.Changing >= 0 && b.Changing <= 1 {
		return nil
	}
	return []error{fmt.Errorf("bench: the share of coins that change must be from 0 to 1, not %g", b.Changing)}
}

const (
	// benchScale is the number of decimals of an amount: those of an instant in
	// milliseconds, and one more that is never zero.
	benchScale = 14
	benchUnit  = 100_000_000_000_000 // 10^benchScale
	// benchBlank is the instant in whose place a prepared wallet gets that of its
	// answer: one long before any epoch, whose digits stand nowhere else.
	benchBlank = int64(1_234_512_345_123)
)

// benchHoldings are the assets of any wallet. The amount of one that changes has
// the instant in its decimals.
func (v *view) benchHoldings() []holding {
	list := make([]holding, v.rows.Assets)
	for i := range list {
		at := int64(0)
		if i < v.changing {
			at = v.at
		}
		list[i] = holding{
			coin: v.slotAsset(i), wallet: decimal.New(int64(i+1)*benchUnit+benchTail(at), -benchScale),
			seed: v.acc.seed.named("bench").at(int64(i)),
		}
	}
	return list
}

// benchTail is an instant as the last digits of an amount.
func benchTail(at int64) int64 { return 10*at + 1 }

func benchDigits(at int64) []byte { return strconv.AppendInt(nil, benchTail(at), 10) }

// price is what a coin is worth in dollars.
func (v *view) price(c coin) decimal.Decimal {
	if v.bench {
		return decimal.Zero
	}
	return c.index(v.frame)
}

// rendered is a result that is JSON already.
type rendered []byte

// prepared are the wallets of Bench as JSON, but for the instants in them.
type prepared struct {
	mu    sync.Mutex
	parts map[string][][]byte // by wallet: what stands between the instants
}

func newPrepared() *prepared { return &prepared{parts: map[string][][]byte{}} }

// at gives what build makes of the wallet at benchBlank as it is at an instant.
func (p *prepared) at(wallet string, at int64, build func() any) rendered {
	p.mu.Lock()
	parts, ok := p.parts[wallet]
	if !ok {
		parts = bytes.Split(encode(build()), benchDigits(benchBlank))
		p.parts[wallet] = parts
	}
	p.mu.Unlock()
	return bytes.Join(parts, benchDigits(at))
}

// benchWallet is the result of wallet-balance.
func (x *Exchange) benchWallet(c *call, kind string) rendered {
	return x.prepared.at(kind, c.at, func() any {
		return walletList{List: []WalletRow{x.view(0, benchBlank).walletRow(kind, c.owner, nil)}}
	})
}

// benchCoins is the result of query-account-coins-balance for all coins.
func (x *Exchange) benchCoins(c *call, kind string) rendered {
	list := x.prepared.at("coins of "+kind, c.at, func() any { return x.view(0, benchBlank).coinRows(kind, nil) })
	result := make([]byte, 0, len(list)+96)
	result = append(result, `{"memberId":`...)
	result = strconv.AppendQuote(result, c.uid)
	result = append(result, `,"accountType":`...)
	result = strconv.AppendQuote(result, kind)
	result = append(result, `,"balance":`...)
	result = append(result, list...)
	return append(result, '}')
}

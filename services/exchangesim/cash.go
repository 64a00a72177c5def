package exchangesim

import (
	"strings"

	"github.com/shopspring/decimal"
)

// cashKind is a way in which money moves without a trade.
type cashKind string

const (
	cashDeposit    cashKind = "deposit"
	cashWithdrawal cashKind = "withdrawal"
	cashTransfer   cashKind = "transfer"
	cashEarn       cashKind = "earn"
)

// every is how often an account does so, on average.
func (k cashKind) every() int64 {
	switch k {
	case cashDeposit:
		return 4 * day
	case cashWithdrawal:
		return 6 * day
	default:
		return day
	}
}

// cash is one movement of money. Deposits, withdrawals and earnings are the
// FUND wallet's; a transfer goes from it to a wallet for trading, or back.
type cash struct {
	kind   cashKind
	at     int64
	coin   coin
	amount decimal.Decimal
	from   string
	to     string
	seed   seed
}

// cashes lists an account's movements of a kind within [from, to], oldest
// first. Beside a dense history they are bounded as it is.
func (v *view) cashes(kind cashKind, owner profile, from, to int64) []cash {
	from, to = max(from, v.epoch), min(to, v.frame)
	if n := len(v.histories); n > 0 {
		h := v.histories[0]
		from, to = max(from, h.begins()), min(to, h.ends()-1)
	}
	if from > to || v.acc.empty {
		return nil
	}
	s := v.acc.seed.named("cash").named(string(kind))
	var list []cash
	for n := v.cycleAt(s, kind.every(), from).number; n <= v.cycleAt(s, kind.every(), to).number; n++ {
		turn := v.cycle(s, kind.every(), n)
		c := cash{kind: kind, at: turn.start + turn.seed.named("at").below(turn.length), seed: turn.seed}
		if c.at < from || c.at > to {
			continue
		}
		c.coin = v.slotAsset(int(turn.seed.named("coin").below(4)))
		c.amount = v.amount(c.coin, turn.seed.named("dollars").between(50, 5_000), turn.seed)
		c.from, c.to = walletFund, owner.wallets()[turn.seed.named("wallet").below(int64(len(owner.wallets())))]
		if turn.seed.named("back").oneIn(2) {
			c.from, c.to = c.to, c.from
		}
		list = append(list, c)
	}
	return list
}

// id is the movement's own: of a deposit or withdrawal also on its chain.
func (c cash) id() string { return uuid(uint64(c.seed.named("id")), uint64(c.seed.named("id tail"))) }

func (c cash) hash(name string) string {
	return "0x" + strings.ReplaceAll(uuid(uint64(c.seed.named(name)), uint64(c.seed.named(name+" 2")))+
		uuid(uint64(c.seed.named(name+" 3")), uint64(c.seed.named(name+" 4"))), "-", "")
}

func (c cash) chain() string { return []string{"ETH", "TRX", "ARBI"}[c.seed.named("chain").below(3)] }

package exchangesim

import (
	"slices"
	"time"
)

// world is the part of the exchange that needs no memory: every row is a
// closed-form function of the seed, the account and the instant.
type world struct {
	seed   seed
	epoch  int64
	tick   int64
	rows   Rows
	market *market
	// histories are the dense ones, if any: then nothing ends but what is theirs.
	histories []chronicle
	funded    bool // of which the perpetuals are funded
	// bench accounts are those of Config.Bench, of whose coins so many change.
	bench    bool
	changing int
}

func newWorld(cfg Config) *world {
	root := seed(cfg.Seed).named("world")
	w := &world{
		seed:   root,
		epoch:  cfg.Epoch.UnixMilli(),
		tick:   int64(cfg.Tick / time.Millisecond),
		rows:   cfg.Rows,
		market: newMarket(root, cfg.Rows, cfg.SettleCoins),
		funded: cfg.History.Funding,
		bench:  cfg.Bench.On, changing: cfg.Bench.changing(cfg.Rows.Assets),
	}
	w.histories = cfg.History.chronicles(w.market)
	return w
}

// frame is the last tick at or before an instant: what moves by itself moves
// from frame to frame.
func (w *world) frame(at int64) int64 {
	return w.epoch + floorDiv(at-w.epoch, w.tick)*w.tick
}

// cycle is one turn of something that repeats.
type cycle struct {
	number, start, length int64
	seed                  seed
}

// cycleAt gives the turn that an instant falls into. The phase is drawn, so
// that not everything turns at once.
func (w *world) cycleAt(s seed, length, at int64) cycle {
	phase := s.named("phase").below(length)
	n := floorDiv(at-w.epoch+phase, length)
	return w.cycle(s, length, n)
}

func (w *world) cycle(s seed, length, n int64) cycle {
	phase := s.named("phase").below(length)
	return cycle{number: n, start: w.epoch - phase + n*length, length: length, seed: s.at(n)}
}

// view is one account at one instant.
type view struct {
	*world
	acc   account
	at    int64
	frame int64
	past  changes // what the admin has done to the account, of any instant
}

func (w *world) view(acc account, at int64, past changes) *view {
	return &view{world: w, acc: acc, at: at, frame: w.frame(at), past: past}
}

// positionScopes and orderScopes are the walks that cover an account. An
// order's id holds its scope's place in the list, so what is added comes last.
func (m *market) positionScopes() []string {
	scopes := []string{"linear:USDT", "linear:USDC", inverse, option}
	for _, c := range m.settles {
		scopes = append(scopes, linear+":"+c.name)
	}
	return scopes
}

func (m *market) orderScopes() []string { return append([]string{spot}, m.positionScopes()...) }

func (m *market) linearScopes() []string {
	return slices.DeleteFunc(m.positionScopes(), func(scope string) bool { return categoryOf(scope) != linear })
}

func categoryOf(scope string) string {
	for _, c := range []string{spot, inverse, option} {
		if scope == c {
			return c
		}
	}
	return linear
}

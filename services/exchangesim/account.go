package exchangesim

const (
	marginRegular   = "REGULAR_MARGIN"
	marginIsolated  = "ISOLATED_MARGIN"
	marginPortfolio = "PORTFOLIO_MARGIN"
)

// account is what an account is born with. Account 0 is a plain cross-margin
// account, 1 an isolated one with a debt, 2 a portfolio-margin one, 3 one in
// hedge mode; the others are drawn.
type account struct {
	index  int
	seed   seed
	margin string
	hedge  bool // both legs of USDT perpetuals
	debtor bool // owes more of one coin than it has
	empty  bool // owns nothing: a new account
}

func newAccount(root seed, index int, rows Rows) account {
	s := root.named("account").at(int64(index))
	a := account{index: index, seed: s, margin: marginRegular}
	switch index {
	case 0:
		return a
	case 1:
		a.margin, a.debtor = marginIsolated, true
		return a
	case 2:
		a.margin = marginPortfolio
		return a
	case 3:
		a.hedge = true
		return a
	}
	switch s.named("margin").below(8) {
	case 0:
		a.margin = marginIsolated
	case 1:
		a.margin = marginPortfolio
	}
	a.hedge = s.named("hedge").oneIn(3)
	a.debtor = s.named("debtor").oneIn(4)
	a.empty = s.named("empty").oneIn(16) && !rows.Steady
	return a
}

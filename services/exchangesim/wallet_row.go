package exchangesim

import "github.com/shopspring/decimal"

// WalletRow is the one row of wallet-balance as the exchange sends it.
type WalletRow struct {
	TotalEquity                string    `json:"totalEquity"`
	AccountIMRate              string    `json:"accountIMRate"`
	AccountIMRateByMp          string    `json:"accountIMRateByMp"`
	TotalMarginBalance         string    `json:"totalMarginBalance"`
	TotalInitialMargin         string    `json:"totalInitialMargin"`
	TotalInitialMarginByMp     string    `json:"totalInitialMarginByMp"`
	AccountType                string    `json:"accountType"`
	TotalAvailableBalance      string    `json:"totalAvailableBalance"`
	AccountMMRate              string    `json:"accountMMRate"`
	AccountMMRateByMp          string    `json:"accountMMRateByMp"`
	TotalPerpUPL               string    `json:"totalPerpUPL"`
	TotalWalletBalance         string    `json:"totalWalletBalance"`
	AccountLTV                 string    `json:"accountLTV"`
	TotalMaintenanceMargin     string    `json:"totalMaintenanceMargin"`
	TotalMaintenanceMarginByMp string    `json:"totalMaintenanceMarginByMp"`
	Coin                       []CoinRow `json:"coin"`
}

// CoinRow is one asset of WalletRow. The fields that the exchange has given up
// (availableToWithdraw, availableToBorrow, free) are always empty.
type CoinRow struct {
	AvailableToBorrow   string `json:"availableToBorrow"`
	Bonus               string `json:"bonus"`
	AccruedInterest     string `json:"accruedInterest"`
	AvailableToWithdraw string `json:"availableToWithdraw"`
	TotalOrderIM        string `json:"totalOrderIM"`
	Equity              string `json:"equity"`
	TotalPositionMM     string `json:"totalPositionMM"`
	UsdValue            string `json:"usdValue"`
	UnrealisedPnl       string `json:"unrealisedPnl"`
	CollateralSwitch    bool   `json:"collateralSwitch"`
	SpotHedgingQty      string `json:"spotHedgingQty"`
	BorrowAmount        string `json:"borrowAmount"`
	TotalPositionIM     string `json:"totalPositionIM"`
	WalletBalance       string `json:"walletBalance"`
	Free                string `json:"free"`
	CumRealisedPnl      string `json:"cumRealisedPnl"`
	Locked              string `json:"locked"`
	MarginCollateral    bool   `json:"marginCollateral"`
	Coin                string `json:"coin"`
	SpotBorrow          string `json:"spotBorrow"`
	ColRes              string `json:"colRes"`
}

// walletRow gives the row of one of the account's wallets, with the coins asked for; nil asks for all that are
// not zero.
func (v *view) walletRow(kind string, owner profile, ask []coin) WalletRow {
	w := v.wallet(kind, owner)
	row := v.totals(w)
	row.AccountType = kind
	row.Coin = []CoinRow{}
	if ask == nil {
		for _, c := range w.coins {
			row.Coin = append(row.Coin, v.coinRow(c))
		}
		return row
	}
	for _, asked := range ask {
		found := v.valued(holding{coin: asked, seed: asked.seed}, nil)
		for _, c := range w.coins {
			if c.coin.name == asked.name {
				found = c
			}
		}
		row.Coin = append(row.Coin, v.coinRow(found))
	}
	return row
}

func (v *view) coinRow(c walletCoin) CoinRow {
	row := CoinRow{
		Coin: c.coin.name, Equity: c.equity.String(), UsdValue: c.usd.String(),
		WalletBalance: c.holding.wallet.String(), Locked: c.locked.String(),
		BorrowAmount: c.borrowed.StringFixed(18), SpotBorrow: c.borrowed.String(),
		AccruedInterest: c.interest.String(), UnrealisedPnl: c.pnl.String(),
		CumRealisedPnl: c.realised.String(), Bonus: c.bonus.String(), SpotHedgingQty: "0",
		TotalOrderIM: c.orderIM.String(), TotalPositionIM: c.positionIM.String(), TotalPositionMM: c.positionMM.String(),
		MarginCollateral: true, CollateralSwitch: !c.seed.named("collateral").oneIn(4), ColRes: "0",
	}
	if v.acc.margin == marginPortfolio {
		row.TotalOrderIM, row.TotalPositionIM, row.TotalPositionMM = "", "", ""
	}
	return row
}

// totals sums the coins in dollars. An account in isolated margin has no
// account-wide margin, and the exchange leaves those fields empty.
func (v *view) totals(w wallet) WalletRow {
	var equity, balance, pnl, im, mm decimal.Decimal
	for _, c := range w.coins {
		equity = equity.Add(c.usd)
		balance = balance.Add(c.holding.wallet.Sub(c.borrowed).Mul(c.price).Round(8))
		pnl = pnl.Add(c.pnl.Mul(c.price).Round(8))
		im = im.Add(c.positionIM.Add(c.orderIM).Mul(c.price).Round(8))
		mm = mm.Add(c.positionMM.Mul(c.price).Round(8))
	}
	row := WalletRow{
		TotalEquity: equity.String(), TotalWalletBalance: balance.String(), TotalPerpUPL: pnl.String(),
	}
	if v.acc.margin == marginIsolated {
		return row
	}
	margin := balance.Add(pnl)
	row.TotalMarginBalance = margin.String()
	row.TotalAvailableBalance = decimal.Max(decimal.Zero, margin.Sub(im)).String()
	row.TotalInitialMargin, row.TotalInitialMarginByMp = im.String(), im.String()
	row.TotalMaintenanceMargin, row.TotalMaintenanceMarginByMp = mm.String(), mm.String()
	row.AccountIMRate, row.AccountMMRate = rate(im, margin), rate(mm, margin)
	row.AccountIMRateByMp, row.AccountMMRateByMp = row.AccountIMRate, row.AccountMMRate
	return row
}

func rate(part, whole decimal.Decimal) string {
	if !whole.IsPositive() {
		return "0"
	}
	return part.DivRound(whole, 4).String()
}

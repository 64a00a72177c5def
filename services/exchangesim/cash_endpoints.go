package exchangesim

import "strconv"

const assetWindow = 30 * day

// cashLine gives an account's movements of some kinds within [from, to].
func (v *view) cashLine(owner profile, from, to int64, row func(cash) any, kinds ...cashKind) series {
	var list []entry
	for _, kind := range kinds {
		for _, c := range v.cashes(kind, owner, from, to) {
			list = append(list, entry{at: c.at, row: func() any { return row(c) }})
		}
	}
	return gathered(list)
}

// coinFilter keeps the rows of the coin asked for, if one is.
func (c *call) coinFilter(x *Exchange, line series, coinOf func(any) string) (series, *refusal) {
	want, no := c.coins(x.world.market)
	if no != nil || want == nil {
		return line, no
	}
	return line.where(func(n int64) bool { return coinOf(line.row(n)) == want[0].name }), nil
}

func listDeposits(x *Exchange, c *call) (*listing, *refusal) {
	from, to, no := c.assetWindow(x, assetWindow)
	if no != nil {
		return nil, no
	}
	line := c.view.cashLine(c.owner, from, to, func(m cash) any { return m.deposit() }, cashDeposit)
	return c.assetListing(x, line, true, func(row any) string { return row.(DepositRow).Coin })
}

// listWithdrawals: withdrawType 0 (default) is on a chain, 1 internal, 2 both.
func listWithdrawals(x *Exchange, c *call) (*listing, *refusal) {
	kind := c.query.Get("withdrawType")
	if kind != "" && kind != "0" && kind != "1" && kind != "2" {
		return nil, badParam("withdrawType must be 0, 1 or 2")
	}
	from, to, no := c.assetWindow(x, assetWindow)
	if no != nil {
		return nil, no
	}
	line := c.view.cashLine(c.owner, from, to, func(m cash) any { return m.withdrawal(c.view.frame) }, cashWithdrawal)
	if kind != "2" {
		line = line.where(func(n int64) bool { return (line.row(n).(WithdrawalRow).WithdrawType == 1) == (kind == "1") })
	}
	return c.assetListing(x, line, true, func(row any) string { return row.(WithdrawalRow).Coin })
}

func listTransfers(x *Exchange, c *call) (*listing, *refusal) {
	from, to, no := c.assetWindow(x, maxWindow)
	if no != nil {
		return nil, no
	}
	line := c.view.cashLine(c.owner, from, to, func(m cash) any { return m.transfer() }, cashTransfer)
	return c.assetListing(x, line, false, func(row any) string { return row.(TransferRow).Coin })
}

// listFundHistory has bounds in seconds: both, or none for the last 7 days.
func listFundHistory(x *Exchange, c *call) (*listing, *refusal) {
	if no := c.notInDemo(x); no != nil {
		return nil, no
	}
	from, to, no := c.secondsWindow()
	if no != nil {
		return nil, no
	}
	line := c.view.cashLine(c.owner, from, to, func(m cash) any { return m.fundHistory(c.uid) },
		cashDeposit, cashWithdrawal, cashTransfer, cashEarn)
	return timeline{line}.listing("", c.trails()), nil
}

func (c *call) assetWindow(x *Exchange, most int64) (from, to int64, no *refusal) {
	if no := c.notInDemo(x); no != nil {
		return 0, 0, no
	}
	return c.windowOf(most, most)
}

func (c *call) assetListing(x *Exchange, line series, inRows bool, coinOf func(any) string) (*listing, *refusal) {
	line, no := c.coinFilter(x, line, coinOf)
	if no != nil {
		return nil, no
	}
	all := timeline{line}.listing("", c.trails())
	all.inRows = inRows
	return all, nil
}

func (c *call) notInDemo(x *Exchange) *refusal {
	if x.cfg.Demo {
		return refuse(codeDemo, "Demo trading are not supported.")
	}
	return nil
}

// secondsWindow reads createTimeFrom and createTimeTo, both inclusive.
func (c *call) secondsWindow() (from, to int64, no *refusal) {
	sent := [2]string{c.query.Get("createTimeFrom"), c.query.Get("createTimeTo")}
	if sent == [2]string{} {
		return c.at - maxWindow, c.at, nil
	}
	var bounds [2]int64
	for i, s := range sent {
		at, err := strconv.ParseInt(s, 10, 64)
		if err != nil || at < 0 || at >= never/second {
			return 0, 0, badParam("createTimeFrom and createTimeTo must both be times in seconds")
		}
		bounds[i] = at
	}
	switch {
	case bounds[0] > bounds[1]:
		return 0, 0, badParam("createTimeFrom must not be after createTimeTo")
	case (bounds[1]-bounds[0])*second > maxWindow:
		return 0, 0, badParam("the range of createTime cannot exceed 7 days")
	case bounds[0]*second < c.at-historyDepth-second:
		return 0, 0, badParam("createTimeFrom cannot be more than 2 years ago")
	}
	return bounds[0] * second, bounds[1]*second + second - 1, nil
}

package exchangesim

func serveKeyInfo(x *Exchange, c *call) (any, *refusal) {
	return x.keyInfo(c.index, c.owner, c.key, c.at), nil
}

func serveAccountInfo(x *Exchange, c *call) (any, *refusal) {
	return x.accountInfo(c.view.acc, c.owner), nil
}

type walletList struct {
	List []WalletRow `json:"list"`
}

// serveWallet answers one of the wallets that the account's mode has.
func serveWallet(x *Exchange, c *call) (any, *refusal) {
	kind := c.query.Get("accountType")
	if no := c.wallet(kind); no != nil {
		return nil, no
	}
	ask, no := c.coins(x.world.market)
	if no != nil {
		return nil, no
	}
	if x.cfg.Bench.On && ask == nil {
		return x.benchWallet(c, kind), nil
	}
	return walletList{List: []WalletRow{c.view.walletRow(kind, c.owner, ask)}}, nil
}

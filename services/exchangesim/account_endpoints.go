package exchangesim

import (
	"net/http"
	"strings"
)

func serveKeyInfo(x *Exchange, c *call) (any, *refusal) {
	return x.keyInfo(c.index, c.owner, c.key, c.at), nil
}

func serveAccountInfo(x *Exchange, c *call) (any, *refusal) {
	return x.accountInfo(c.view.acc, c.owner), nil
}

type walletList struct {
	List []WalletRow `json:"list"`
}

// serveWallet answers the unified wallet, the only one there is.
func serveWallet(x *Exchange, c *call) (any, *refusal) {
	switch kind := c.query.Get("accountType"); {
	case kind == "":
		return nil, badParam("accountType is required")
	case kind != "UNIFIED":
		return nil, refuse(codeParams, "accountType only support UNIFIED.")
	}
	if no := c.unifiedOnly(); no != nil {
		return nil, no
	}
	var ask []coin
	if names := c.query.Get("coin"); names != "" {
		for _, name := range strings.Split(names, ",") {
			asset, ok := x.world.market.coin(name)
			if !ok {
				return nil, badParam("coin invalid: %s", name)
			}
			ask = append(ask, asset)
		}
	}
	return walletList{List: []WalletRow{c.view.walletRow(ask)}}, nil
}

// unifiedOnly: a classic account gets an empty 404 where only unified ones are
// served.
func (c *call) unifiedOnly() *refusal {
	if c.owner.status == statusClassic {
		return bare(http.StatusNotFound)
	}
	return nil
}

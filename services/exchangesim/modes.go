package exchangesim

import (
	"net/http"
	"strings"
)

// The wallets of an account, by their accountType.
const (
	walletUnified  = "UNIFIED"
	walletContract = "CONTRACT"
	walletSpot     = "SPOT"
	walletFund     = "FUND"
)

func knownMode(status int) bool { return status == statusClassic || status >= 3 && status <= 6 }

// unifiedOne tells the first kind of unified account, whose inverse contracts
// have a wallet of their own.
func (p profile) unifiedOne() bool { return p.status == 3 || p.status == 4 }

// wallets are those that the account has beside FUND, which all have.
func (p profile) wallets() []string {
	switch {
	case p.status == statusClassic:
		return []string{walletContract, walletSpot}
	case p.unifiedOne():
		return []string{walletUnified, walletContract}
	default:
		return []string{walletUnified}
	}
}

func (p profile) has(wallet string) bool {
	for _, name := range p.wallets() {
		if name == wallet {
			return true
		}
	}
	return false
}

// walletOf is the wallet that a scope's trades settle in.
func (p profile) walletOf(scope string) string {
	switch {
	case p.status == statusClassic && scope == spot:
		return walletSpot
	case p.status == statusClassic, p.unifiedOne() && scope == inverse:
		return walletContract
	default:
		return walletUnified
	}
}

// served refuses what the account's mode does not have: a classic account has
// no options.
func (c *call) served(category string) *refusal {
	if c.owner.status == statusClassic && category == option {
		return refuse(codeUnifiedOnly, "The API can only be accessed by unified account users.")
	}
	return nil
}

// wallet refuses a wallet that the account does not have: unified 2.0 accounts
// say so, the others answer an empty 404.
func (c *call) wallet(kind string) *refusal {
	switch {
	case kind == "":
		return badParam("accountType is required")
	case c.owner.has(kind):
		return nil
	case kind != walletUnified && kind != walletContract && kind != walletSpot, len(c.owner.wallets()) == 1:
		return refuse(codeParams, "accountType only support UNIFIED.")
	default:
		return bare(http.StatusNotFound)
	}
}

// coins reads a list of coins; none are named: nil.
func (c *call) coins(m *market) ([]coin, *refusal) {
	names := c.query.Get("coin")
	if names == "" {
		return nil, nil
	}
	var list []coin
	for _, name := range strings.Split(names, ",") {
		asset, ok := m.coin(name)
		if !ok {
			return nil, badParam("coin invalid: %s", name)
		}
		list = append(list, asset)
	}
	return list, nil
}

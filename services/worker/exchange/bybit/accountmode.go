package bybit

import (
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// accountMode is what decides which wallets, products and books an account has.
type accountMode int

const (
	// unified2 has one wallet for trading. An account whose mode is not known
	// is read as one: all new accounts are.
	unified2 accountMode = iota
	// unified1 keeps inverse contracts in a wallet of their own.
	unified1
	// classic has a wallet for contracts and one for spot, and no options.
	classic
)

// modeOf reads what Probe wrote into KeyInfo.AccountMode.
func modeOf(mode string) accountMode {
	account, _, _ := strings.Cut(mode, "/")
	switch account {
	case "classic":
		return classic
	case "unified_1.0", "unified_1.0_pro":
		return unified1
	default:
		return unified2
	}
}

// wallets of an account in this mode; the funding wallet is in all of them.
func (m accountMode) wallets() []exchange.Scope {
	switch m {
	case classic:
		return []exchange.Scope{contract, spot, fund}
	case unified1:
		return []exchange.Scope{unified, contract, fund}
	default:
		return []exchange.Scope{unified, fund}
	}
}

// books of an account in this mode. The unified log has nothing of what is kept
// in a contract wallet.
func (m accountMode) books() []exchange.Scope {
	common := []exchange.Scope{fundingBook, depositBook, withdrawalBook, transferBook}
	switch m {
	case classic:
		return append([]exchange.Scope{contractBook}, common...)
	case unified1:
		return append([]exchange.Scope{transactionBook, contractBook}, common...)
	default:
		return append([]exchange.Scope{transactionBook}, common...)
	}
}

// options reports whether the account can have any.
func (m accountMode) options() bool { return m != classic }

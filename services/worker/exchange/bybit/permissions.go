package bybit

import "slices"

// permissions is the exchange's map from a group to what the key may do in it.
// Groups come and go. A group of a form that is not a list fails as a whole:
// dropping it would make a key look weaker than it is.
type permissions map[string][]string

// The groups that give no way to place an order or move funds. Wallet is
// judged by withdraw.
func onlyReads(group string) bool {
	switch group {
	case "Wallet", "Exchange", "Affiliate":
		return true
	default:
		return false
	}
}

// trade reports whether the key could place an order were it not read-only. A
// group that we do not know counts as one that trades.
func (p permissions) trade() bool {
	for group, rights := range p {
		if len(rights) > 0 && !onlyReads(group) {
			return true
		}
	}
	return false
}

// withdraw reports whether the key could move funds out of the account: off
// the exchange, or to another account of the same owner. AccountTransfer only
// moves them between the wallets of one account.
func (p permissions) withdraw() bool {
	return slices.ContainsFunc(p["Wallet"], func(right string) bool { return right != "AccountTransfer" })
}

// readOnly comes as 0 or 1, in other endpoints as a boolean; nil is neither.
type readOnly struct{ value *bool }

func (r *readOnly) UnmarshalJSON(data []byte) error {
	var value bool
	switch string(data) {
	case "null":
		return nil
	case "1", `"1"`, "true":
		value = true
	case "0", `"0"`, "false":
	default:
		return unfit[readOnly](data)
	}
	r.value = &value
	return nil
}

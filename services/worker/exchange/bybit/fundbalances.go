package bybit

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// fundRow is one coin of the funding wallet.
//
//	total      walletBalance
//	available  transferBalance: what can leave the wallet at once
type fundRow struct {
	Wallet   amount
	Transfer amount
	Bonus    amount
}

func (r *fundRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "walletBalance":
		return &r.Wallet
	case "transferBalance":
		return &r.Transfer
	case "bonus":
		return &r.Bonus
	default:
		return nil
	}
}

// readFund reads the funding wallet, which wallet-balance never had. It comes
// in one answer. The key needs one of the Wallet permissions for it.
func (c *Client) readFund(ctx context.Context, w *walk[exchange.Balance]) *exchange.Error {
	fetch := c.session.pages(coinBalances, url.Values{"accountType": {"FUND"}})
	return w.run(ctx, coinBalances, fetch, c.session.fundBalance)
}

// fundBalance leaves out the coins of which there is nothing: the exchange
// lists every coin that was ever there.
func (s *session) fundBalance(raw json.RawMessage) (*exchange.Balance, *exchange.RowFault) {
	got, fault := decodeRow[coinKey, fundRow](s, raw)
	if fault != nil {
		return nil, fault
	}
	balance, fault := s.coinOf(fund, got.key, raw)
	if fault != nil {
		return nil, fault
	}
	if fault := got.unread(s, raw, balance.Key()); fault != nil {
		return nil, fault
	}
	if got.row.isNothing() {
		return nil, nil
	}
	balance.Total = got.row.Wallet.number()
	balance.Available = got.row.Transfer.number()
	return balance, nil
}

// isNothing is certain only if the balance was sent.
func (r fundRow) isNothing() bool {
	for _, a := range []amount{r.Transfer, r.Bonus} {
		if a != "" && !isZero(string(a)) {
			return false
		}
	}
	return isZero(string(r.Wallet))
}

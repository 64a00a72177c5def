package bybit

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// memberRow is one sub-account. Status is the exchange's number: 1 normal,
// 2 may not log in, 4 frozen.
type memberRow struct {
	UID         text
	Username    text
	Status      text
	AccountMode integer
	Remark      text
}

func (r *memberRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "uid":
		return &r.UID
	case "username":
		return &r.Username
	case "status":
		return &r.Status
	case "accountMode":
		return &r.AccountMode
	case "remark":
		return &r.Remark
	default:
		return nil
	}
}

// SubAccounts lists the sub-accounts of a master key, ten thousand at most. The
// key needs a Wallet permission for it; to the key of a sub-account the exchange
// answers with an error. A row that cannot be read fails the list: one account
// less would pass for none.
func (c *Client) SubAccounts(ctx context.Context) ([]exchange.SubAccount, *exchange.Error) {
	page, fault := c.session.pages(subMembers, url.Values{})(ctx, "")
	if fault != nil {
		return nil, fault
	}
	accounts := make([]exchange.SubAccount, 0, len(page.rows))
	for _, raw := range page.rows {
		account, fault := c.session.subAccount(raw)
		if fault != nil {
			return nil, during(subMembers, &exchange.Error{Class: exchange.Decode, Message: "a sub-account: " + fault.Reason, Payload: fault.Payload})
		}
		accounts = append(accounts, account)
	}
	return accounts, nil
}

func (s *session) subAccount(raw json.RawMessage) (exchange.SubAccount, *exchange.RowFault) {
	var row memberRow
	if err := read(raw, &row); err != nil {
		return exchange.SubAccount{}, s.rowFault(raw, "", s.misfit(err, ""))
	}
	if row.UID == "" {
		return exchange.SubAccount{}, s.rowFault(raw, "", "the row has no uid")
	}
	account := exchange.SubAccount{
		UID: string(row.UID), Name: string(row.Username), Status: string(row.Status), Remark: string(row.Remark),
	}
	if row.AccountMode.sent {
		account.AccountMode = unifiedMode(row.AccountMode)
	}
	return account, nil
}

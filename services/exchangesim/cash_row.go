package exchangesim

import (
	"strconv"

	"github.com/shopspring/decimal"
)

// DepositRow is one row of asset/deposit/query-record as the exchange sends it.
type DepositRow struct {
	Coin          string `json:"coin"`
	Chain         string `json:"chain"`
	Amount        string `json:"amount"`
	TxID          string `json:"txID"`
	Status        int    `json:"status"` // 3 succeeded, 4 failed
	ToAddress     string `json:"toAddress"`
	Tag           string `json:"tag"`
	DepositFee    string `json:"depositFee"`
	SuccessAt     string `json:"successAt"`
	Confirmations string `json:"confirmations"`
	TxIndex       string `json:"txIndex"`
	BlockHash     string `json:"blockHash"`
	DepositType   string `json:"depositType"`
	FromAddress   string `json:"fromAddress"`
}

func (c cash) deposit() DepositRow {
	row := DepositRow{
		Coin: c.coin.name, Chain: c.chain(), Amount: c.amount.String(), TxID: c.hash("tx"), Status: 3, ToAddress: c.hash("to")[:42],
		SuccessAt: millis(c.at), Confirmations: strconv.FormatInt(c.seed.named("confirmations").between(20, 9_000), 10),
		TxIndex: strconv.FormatInt(c.seed.named("index").below(200), 10), BlockHash: c.hash("block"), DepositType: "0",
	}
	if c.seed.named("failed").oneIn(12) {
		row.Status = 4
	}
	return row
}

// WithdrawalRow is one row of asset/withdraw/query-record as the exchange sends
// it.
type WithdrawalRow struct {
	WithdrawID   string `json:"withdrawId"`
	TxID         string `json:"txID"`
	WithdrawType int    `json:"withdrawType"` // 0 on a chain, 1 to another account of the exchange
	Coin         string `json:"coin"`
	Chain        string `json:"chain"`
	Amount       string `json:"amount"`
	WithdrawFee  string `json:"withdrawFee"`
	Status       string `json:"status"`
	ToAddress    string `json:"toAddress"`
	Tag          string `json:"tag"`
	CreateTime   string `json:"createTime"`
	UpdateTime   string `json:"updateTime"`
}

// withdrawal is pending for some minutes.
func (c cash) withdrawal(at int64) WithdrawalRow {
	row := WithdrawalRow{
		WithdrawID: strconv.FormatUint(uint64(c.seed.named("id"))%1_000_000_000_000, 10), TxID: c.hash("tx"), Coin: c.coin.name,
		Chain: c.chain(), Amount: c.amount.String(), WithdrawFee: decimal.New(c.seed.named("fee").between(1, 999), -6).String(),
		Status: "success", ToAddress: c.hash("to")[:42], CreateTime: millis(c.at),
		UpdateTime: millis(c.at + c.seed.named("takes").between(minute, 20*minute)),
	}
	if c.internal() {
		row.WithdrawType, row.Chain, row.TxID = 1, "", ""
	}
	if number(row.UpdateTime) > at {
		row.Status, row.TxID, row.UpdateTime = "Pending", "", row.CreateTime
	}
	return row
}

func (c cash) internal() bool { return c.seed.named("internal").oneIn(4) }

// TransferRow is one row of asset/transfer/query-inter-transfer-list as the
// exchange sends it.
type TransferRow struct {
	TransferID      string `json:"transferId"`
	Coin            string `json:"coin"`
	Amount          string `json:"amount"`
	FromAccountType string `json:"fromAccountType"`
	ToAccountType   string `json:"toAccountType"`
	Timestamp       string `json:"timestamp"`
	Status          string `json:"status"`
}

func (c cash) transfer() TransferRow {
	return TransferRow{
		TransferID: c.id(), Coin: c.coin.name, Amount: c.amount.String(), FromAccountType: c.from, ToAccountType: c.to,
		Timestamp: millis(c.at), Status: "SUCCESS",
	}
}

// FundHistoryRow is one row of asset/fundinghistory as the exchange sends it:
// it has no id, and its time is in seconds.
type FundHistoryRow struct {
	MemberID       string `json:"memberId"`
	Currency       string `json:"currency"`
	IoDirection    string `json:"ioDirection"`
	TxnAmt         string `json:"txnAmt"`
	AfterAmt       string `json:"afterAmt"`
	CreateTime     string `json:"createTime"`
	ShowBusiTypeEn string `json:"showBusiTypeEn"`
	DescriptionEn  string `json:"descriptionEn"`
}

func (c cash) fundHistory(uid string) FundHistoryRow {
	row := FundHistoryRow{
		MemberID: uid, Currency: c.coin.name, IoDirection: "I", TxnAmt: c.amount.String(),
		AfterAmt:   c.amount.Add(decimal.New(c.seed.named("after").below(99_999_999_999), -8)).String(),
		CreateTime: strconv.FormatInt(c.at/second, 10),
	}
	switch c.kind {
	case cashDeposit:
		row.ShowBusiTypeEn, row.DescriptionEn = "Deposit", "Deposit "+c.chain()
	case cashWithdrawal:
		row.IoDirection, row.ShowBusiTypeEn, row.DescriptionEn = "O", "Withdraw", "Withdraw "+c.chain()
	case cashTransfer:
		row.ShowBusiTypeEn, row.DescriptionEn = "Transfer in", "From "+c.from
		if c.from == walletFund {
			row.IoDirection, row.ShowBusiTypeEn, row.DescriptionEn = "O", "Transfer out", "To "+c.to
		}
	case cashEarn:
		row.ShowBusiTypeEn, row.DescriptionEn = "Earn", "Flexible savings yield"
	}
	return row
}

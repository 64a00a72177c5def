package exchangesim

import (
	"fmt"
	"net/http"
	"time"
)

// changeBody holds the parameters of every change; each takes its own.
type changeBody struct {
	Wallet  string `json:"wallet"` // default UNIFIED
	Asset   string `json:"asset"`
	Amount  string `json:"amount"`
	OrderID string `json:"order_id"`
	UID     string `json:"uid"`

	PositionSpec
	Price        string `json:"price"`
	Qty          string `json:"qty"`
	TriggerPrice string `json:"trigger_price"`
	OrderLinkID  string `json:"order_link_id"`

	ReadOnly            *bool               `json:"read_only"`
	Permissions         map[string][]string `json:"permissions"`
	Expires             string              `json:"expires"`
	IPs                 []string            `json:"ips"`
	PublicKey           string              `json:"public_key"`
	UnifiedMarginStatus int                 `json:"unified_margin_status"`
}

// changed answers a change.
type changed struct {
	At      time.Time `json:"at"`
	Time    int64     `json:"time"` // the first instant that shows the change
	OrderID string    `json:"order_id,omitempty"`
	Key     string    `json:"key,omitempty"`
	Secret  string    `json:"secret,omitempty"`
}

func (x *Exchange) adminChange(w http.ResponseWriter, r *http.Request) {
	var body changeBody
	if err := decode(w, r, &body); err != nil {
		failed(w, err)
		return
	}
	var answer changed
	var err error
	answer.At, err = x.apply(r.PathValue("uid"), r.PathValue("change"), body, &answer)
	if err != nil {
		failed(w, err)
		return
	}
	answer.Time = answer.At.UnixMilli()
	respond(w, answer)
}

func (x *Exchange) apply(uid, change string, b changeBody, answer *changed) (at time.Time, err error) {
	switch change {
	case "balance":
		return x.SetWalletBalance(uid, orDefault(b.Wallet, walletUnified), b.Asset, b.Amount)
	case "remove-asset":
		return x.SetWalletBalance(uid, orDefault(b.Wallet, walletUnified), b.Asset, "0")
	case "open-position":
		return x.OpenPosition(uid, b.PositionSpec)
	case "close-position":
		return x.ClosePosition(uid, b.Category, b.Symbol, b.PositionIdx)
	case "place-order":
		answer.OrderID, at, err = x.PlaceOrder(uid, b.order())
		return at, err
	case "cancel-order":
		return x.CancelOrder(uid, b.Category, b.OrderID)
	case "fill-order":
		return x.FillOrder(uid, b.Category, b.OrderID)
	case "forget-order":
		return x.ForgetOrder(uid, b.Category, b.OrderID)
	default:
		return x.applyToKey(uid, change, b, answer)
	}
}

func (x *Exchange) applyToKey(uid, change string, b changeBody, answer *changed) (at time.Time, err error) {
	switch change {
	case "revoke-key":
		return x.RevokeKey(uid)
	case "restore-key":
		return x.RestoreKey(uid)
	case "rotate-key":
		answer.Key, answer.Secret, at, err = x.RotateKey(uid)
		return at, err
	case "permissions":
		return x.SetPermissions(uid, b.ReadOnly == nil || *b.ReadOnly, b.Permissions)
	case "expiry":
		expires, err := parseInstant(b.Expires)
		if err != nil {
			return at, err
		}
		return x.SetExpiry(uid, expires)
	case "ips":
		return x.SetIPs(uid, b.IPs)
	case "rsa-key":
		return x.SetRSAKey(uid, b.PublicKey)
	case "mode":
		return x.SetMode(uid, b.UnifiedMarginStatus)
	case "uid":
		return x.ChangeUID(uid, b.UID)
	default:
		return at, fmt.Errorf("no change %q: there are balance, remove-asset, open-position, close-position, place-order, cancel-order, fill-order, forget-order, revoke-key, restore-key, rotate-key, permissions, expiry, ips, rsa-key, mode, uid", change)
	}
}

func (b changeBody) order() OrderSpec {
	return OrderSpec{
		Category: b.Category, Symbol: b.Symbol, Side: b.Side, Price: b.Price, Qty: b.Qty,
		TriggerPrice: b.TriggerPrice, OrderLinkID: b.OrderLinkID,
	}
}

package bybit

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// keyRow is what the exchange says about a key.
type keyRow struct {
	UserID      integer     `json:"userID"`
	ReadOnly    readOnly    `json:"readOnly"`
	Permissions permissions `json:"permissions"`
	ExpiredAt   text        `json:"expiredAt"`
	UTA         integer     `json:"uta"`
	IsMaster    flag        `json:"isMaster"`
	ParentUID   text        `json:"parentUid"`
}

type modeRow struct {
	Status     integer `json:"unifiedMarginStatus"`
	MarginMode text    `json:"marginMode"`
}

// Probe asks who the key belongs to and what it may do, then for the account's
// mode. A key whose abilities cannot be read is a fault, not a key without any.
//
// AccountMode is "<account>/<margin>": classic, unified_1.0, unified_1.0_pro,
// unified_2.0, unified_2.0_pro or unified_status_<n> for a number that is new,
// then the exchange's margin mode in lower case (regular_margin is cross). If
// the mode may not be read, it is "unified" or "classic" alone, from the key.
func (c *Client) Probe(ctx context.Context) (exchange.KeyInfo, *exchange.Error) {
	got, fault := c.session.get(ctx, apiKeyInfo, url.Values{})
	if fault != nil {
		return exchange.KeyInfo{}, fault
	}
	key, fault := decodeResult[keyRow](c.session, got)
	if fault != nil {
		return exchange.KeyInfo{}, fault
	}
	info, err := key.info()
	if err != nil {
		return exchange.KeyInfo{}, c.session.shapeFault(got, err)
	}
	info.AsOf = got.at
	info.AccountMode, fault = c.accountMode(ctx, key)
	return info, fault
}

func (k keyRow) info() (exchange.KeyInfo, error) {
	if k.UserID.value <= 0 {
		return exchange.KeyInfo{}, errors.New("there is no userID")
	}
	if k.ReadOnly.value == nil {
		return exchange.KeyInfo{}, errors.New("there is no readOnly")
	}
	if k.Permissions == nil {
		return exchange.KeyInfo{}, errors.New("there are no permissions")
	}
	expires, err := expiry(string(k.ExpiredAt))
	if err != nil {
		return exchange.KeyInfo{}, err
	}
	writes := !*k.ReadOnly.value
	return exchange.KeyInfo{
		UID:         strconv.FormatInt(k.UserID.value, 10),
		IsMaster:    k.isMaster(),
		ParentUID:   k.parent(),
		ReadOnly:    !writes,
		CanTrade:    writes && k.Permissions.trade(),
		CanWithdraw: writes && k.Permissions.withdraw(),
		Permissions: k.Permissions,
		ExpiresAt:   expires,
	}, nil
}

// parent is the master's UID; the exchange writes "0" for a master itself.
func (k keyRow) parent() string {
	if k.ParentUID == "0" {
		return ""
	}
	return string(k.ParentUID)
}

// isMaster falls back on the parent where the exchange does not say.
func (k keyRow) isMaster() bool {
	if k.IsMaster.value != nil {
		return *k.IsMaster.value
	}
	return k.ParentUID == "0"
}

// expiry: a key that is bound to IP addresses does not expire, which the
// exchange shows as 1970.
func expiry(at string) (time.Time, error) {
	if at == "" {
		return time.Time{}, nil
	}
	expires, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return time.Time{}, errors.New("expiredAt is not a time")
	}
	if expires.Year() < 2000 {
		return time.Time{}, nil
	}
	return expires.UTC(), nil
}

func (c *Client) accountMode(ctx context.Context, key keyRow) (string, *exchange.Error) {
	got, fault := c.session.get(ctx, accountInfo, url.Values{})
	if fault != nil {
		if fault.Class.EndsJob() {
			return "", fault
		}
		return c.knownMode(key), nil
	}
	row, fault := decodeResult[modeRow](c.session, got)
	if fault != nil {
		return "", fault
	}
	mode := unifiedMode(row.Status)
	if row.MarginMode != "" {
		mode += "/" + strings.ToLower(string(row.MarginMode))
	}
	return mode, nil
}

// knownMode is the account's mode where account/info cannot say it: as it was
// found before, if that agrees with the key and says more. Forgetting that an
// account is unified 1.0 would silently drop its contract wallet.
func (c *Client) knownMode(key keyRow) string {
	mode := keyMode(key)
	if strings.HasPrefix(c.knew, mode) {
		return c.knew
	}
	return mode
}

// keyMode goes by uta alone; the key's older flag "unified" misleads (ccxt#16937).
func keyMode(key keyRow) string {
	switch {
	case !key.UTA.sent:
		return ""
	case key.UTA.value == 1:
		return "unified"
	default:
		return "classic"
	}
}

func unifiedMode(status integer) string {
	switch status.value {
	case 1:
		return "classic"
	case 3:
		return "unified_1.0"
	case 4:
		return "unified_1.0_pro"
	case 5:
		return "unified_2.0"
	case 6:
		return "unified_2.0_pro"
	default:
		return "unified_status_" + strconv.FormatInt(status.value, 10)
	}
}

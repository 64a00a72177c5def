package exchangesim

import (
	"maps"
	"slices"
	"time"
)

// profile is what the exchange knows about an account's API key, and whose it
// is. A change of it is a new profile from an instant on; maps and slices in
// it are never written to again.
type profile struct {
	at          int64
	uid         string
	generation  int
	revoked     bool
	readOnly    bool
	permissions map[string][]string
	ips         []string // empty: bound to no address
	expires     int64    // Unix ms; 0: not set by the admin
	status      int      // unifiedMarginStatus
	rsa         *rsaKey  // nil: the key signs with its secret
}

// keyLife is how long a key without bound addresses lives (documented: 90
// days). Its owner here renews it every 30 days, so it never runs out by
// itself.
const (
	keyLife    = 90 * day
	keyRenewal = 30 * day
)

const (
	statusClassic = 1
	statusUTA2    = 5
)

func readPermissions() map[string][]string {
	return map[string][]string{
		"ContractTrade": {"Order", "Position"}, "Spot": {"SpotTrade"}, "Wallet": {"AccountTransfer"},
		"Options": {"OptionsTrade"}, "Derivatives": {"DerivativesTrade"}, "CopyTrading": {}, "BlockTrade": {},
		"Exchange": {"ExchangeHistory"}, "NFT": {}, "Affiliate": {}, "Earn": {}, "FiatP2P": {}, "FiatBitPay": {},
		"FiatConvertBroker": {}, "FiatGlobalPay": {}, "BitCard": {}, "ByXPost": {},
	}
}

// profile gives what was in force at an instant.
func (x *Exchange) profile(index int, past changes, at int64) profile {
	for i := len(past.profiles) - 1; i >= 0; i-- {
		if p := past.profiles[i]; p.at <= at {
			return p
		}
	}
	return profile{
		uid: uidOf(x.cfg.Seed, index), readOnly: true, permissions: readPermissions(), status: x.bornMode(index), rsa: x.rsaKeys[index],
	}
}

// bornMode is the unifiedMarginStatus that an account has until it is changed.
func (x *Exchange) bornMode(index int) int {
	if index < len(x.cfg.Modes) {
		return x.cfg.Modes[index]
	}
	return statusUTA2
}

func (p profile) expiry(at int64) int64 {
	switch {
	case p.expires != 0:
		return p.expires
	case len(p.ips) > 0:
		return 0
	default:
		return at - at%keyRenewal + keyLife
	}
}

func (p profile) may(area, what string) bool { return slices.Contains(p.permissions[area], what) }

// KeyInfo is the result of user/query-api as the exchange sends it.
type KeyInfo struct {
	ID               string              `json:"id"`
	Note             string              `json:"note"`
	APIKey           string              `json:"apiKey"`
	ReadOnly         int                 `json:"readOnly"`
	Secret           string              `json:"secret"`
	Permissions      map[string][]string `json:"permissions"`
	IPs              []string            `json:"ips"`
	Type             int                 `json:"type"`
	DeadlineDay      int64               `json:"deadlineDay"`
	ExpiredAt        string              `json:"expiredAt"`
	CreatedAt        string              `json:"createdAt"`
	Unified          int                 `json:"unified"`
	UTA              int                 `json:"uta"`
	UserID           int64               `json:"userID"`
	InviterID        int64               `json:"inviterID"`
	VIPLevel         string              `json:"vipLevel"`
	MktMakerLevel    string              `json:"mktMakerLevel"`
	AffiliateID      int64               `json:"affiliateID"`
	RSAPublicKey     string              `json:"rsaPublicKey"`
	IsMaster         bool                `json:"isMaster"`
	ParentUID        string              `json:"parentUid"`
	KYCLevel         string              `json:"kycLevel"`
	KYCRegion        string              `json:"kycRegion"`
	UserIDInt64      string              `json:"userIDInt64"`
	InviterIDInt64   string              `json:"inviterIDInt64"`
	AffiliateIDInt64 string              `json:"affiliateIDInt64"`
}

// keyInfo describes the key of account index; apiKey is the one the caller
// signed with.
func (x *Exchange) keyInfo(index int, p profile, apiKey string, at int64) KeyInfo {
	info := KeyInfo{
		ID: p.uid + "1", Note: "stand-in", APIKey: apiKey, Permissions: maps.Clone(p.permissions),
		IPs: p.ips, Type: 1, DeadlineDay: -2, ExpiredAt: "1970-01-01T00:00:00Z",
		CreatedAt: x.cfg.Epoch.UTC().Format(time.RFC3339), UserID: number(p.uid), VIPLevel: "No VIP",
		MktMakerLevel: "0", IsMaster: !x.isSub(index), ParentUID: x.parentUID(index, at), KYCLevel: "LEVEL_1", UserIDInt64: p.uid,
		InviterIDInt64: "0", AffiliateIDInt64: "0", RSAPublicKey: p.rsa.text(),
	}
	if p.readOnly {
		info.ReadOnly = 1
	}
	if p.status != statusClassic {
		info.UTA = 1
	}
	if len(p.ips) == 0 {
		info.IPs = []string{"*"}
	}
	if end := p.expiry(at); end != 0 {
		info.ExpiredAt = time.UnixMilli(end).UTC().Format(time.RFC3339)
		info.DeadlineDay = floorDiv(end-at, day)
	}
	return info
}

// AccountInfo is the result of account/info as the exchange sends it.
type AccountInfo struct {
	MarginMode          string `json:"marginMode"`
	UpdatedTime         string `json:"updatedTime"`
	UnifiedMarginStatus int    `json:"unifiedMarginStatus"`
	DcpStatus           string `json:"dcpStatus"`
	TimeWindow          int    `json:"timeWindow"`
	SmpGroup            int    `json:"smpGroup"`
	IsMasterTrader      bool   `json:"isMasterTrader"`
	SpotHedgingStatus   string `json:"spotHedgingStatus"`
}

func (x *Exchange) accountInfo(acc account, p profile) AccountInfo {
	return AccountInfo{
		MarginMode: acc.margin, UpdatedTime: millis(max(p.at, x.world.epoch)), UnifiedMarginStatus: p.status,
		DcpStatus: "OFF", TimeWindow: 10, SpotHedgingStatus: "OFF",
	}
}

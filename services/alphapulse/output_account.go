package main

import (
	"strings"
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// accountHelp describes accountView where a command's help needs it.
const accountHelp = `{id, name, exchange, environment, base_url, status, reason, key_version, allow_write_key,
exchange_uid, expected_uid, parent_uid, is_master, account_mode, key_permissions{group: [right]}, key_expires_at,
created_at}`

// accountView is an account in JSON.
type accountView struct {
	ID             string              `json:"id"`
	Name           string              `json:"name"`
	Exchange       string              `json:"exchange"`
	Environment    string              `json:"environment"`
	BaseURL        string              `json:"base_url"`
	Status         string              `json:"status"`
	Reason         string              `json:"reason"`
	KeyVersion     int32               `json:"key_version"`
	AllowWriteKey  bool                `json:"allow_write_key"`
	ExchangeUID    string              `json:"exchange_uid"`
	ExpectedUID    string              `json:"expected_uid"`
	ParentUID      string              `json:"parent_uid"`
	IsMaster       bool                `json:"is_master"`
	AccountMode    string              `json:"account_mode"`
	KeyPermissions map[string][]string `json:"key_permissions"`
	KeyExpiresAt   *time.Time          `json:"key_expires_at"`
	CreatedAt      *time.Time          `json:"created_at"`
}

func viewAccount(a *controlv1.Account) accountView {
	v := accountView{
		ID: a.GetId(), Name: a.GetName(), Exchange: a.GetExchange(), Environment: a.GetEnvironment(),
		BaseURL: a.GetBaseUrl(), Status: a.GetStatus(), Reason: a.GetReason(), KeyVersion: a.GetKeyVersion(),
		AllowWriteKey: a.GetAllowWriteKey(), ExchangeUID: a.GetExchangeUid(), ExpectedUID: a.GetExpectedUid(),
		ParentUID: a.GetParentUid(), IsMaster: a.GetIsMaster(), AccountMode: a.GetAccountMode(),
		KeyPermissions: map[string][]string{}, KeyExpiresAt: instant(a.GetKeyExpiresAt()),
		CreatedAt: instant(a.GetCreatedAt()),
	}
	for _, p := range a.GetKeyPermissions() {
		v.KeyPermissions[p.GetGroup()] = p.GetNames()
	}
	return v
}

// permissions lists what a key may do, for people.
func permissions(a *controlv1.Account) string {
	var list []string
	for _, p := range a.GetKeyPermissions() {
		for _, name := range p.GetNames() {
			list = append(list, p.GetGroup()+"."+name)
		}
	}
	return orDash(strings.Join(list, ", "))
}

// keyEnd says when an account's key expires.
func keyEnd(a *controlv1.Account) string {
	switch {
	case a.GetKeyExpiresAt() != nil:
		return moment(a.GetKeyExpiresAt())
	case a.GetKeyVersion() == 0:
		return "-"
	default:
		return "never"
	}
}

// kinship says whether an account is a sub-account or has some.
func kinship(a *controlv1.Account) string {
	switch {
	case a.GetParentUid() != "":
		return ", sub-account of UID " + plain(a.GetParentUid())
	case a.GetIsMaster():
		return ", master (its sub-accounts: alphapulse accounts subs " + a.GetName() + ")"
	default:
		return ""
	}
}

// printAccount is what a person wants to see after a probe.
func (p *program) printAccount(a *controlv1.Account) {
	p.say("Account %s is %s.", a.GetName(), a.GetStatus())
	p.say("  exchange     %s %s (%s)", a.GetExchange(), a.GetEnvironment(), a.GetBaseUrl())
	p.say("  UID          %s, %s", plain(orDash(a.GetExchangeUid())), plain(orDash(a.GetAccountMode()))+kinship(a))
	p.say("  permissions  %s", plain(permissions(a)))
	p.say("  key expires  %s", keyEnd(a))
}

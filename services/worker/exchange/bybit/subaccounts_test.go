package bybit

import (
	"testing"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func subs(t *testing.T, body []byte) ([]exchange.SubAccount, *exchange.Error) {
	t.Helper()
	stand := newStand(t)
	stand.on(subMembers, always(body))
	return stand.client(t).SubAccounts(t.Context())
}

func TestSubAccountsOfAMaster(t *testing.T) {
	t.Parallel()
	got, fault := subs(t, keyBody(`"subMembers":[
		{"uid":"106314365","username":"xxxx02","memberType":1,"status":1,"remark":"desk","accountMode":5},
		{"uid":106279879,"username":"xxxx01","memberType":6,"status":4}]`))
	require.Nil(t, fault)
	require.Equal(t, []exchange.SubAccount{
		{UID: "106314365", Name: "xxxx02", Status: "1", AccountMode: "unified_2.0", Remark: "desk"},
		{UID: "106279879", Name: "xxxx01", Status: "4"},
	}, got)
	none, fault := subs(t, keyBody(`"subMembers":[]`))
	require.Nil(t, fault)
	require.Empty(t, none)
}

func TestSubAccountsThatCannotBeReadAreNoList(t *testing.T) {
	t.Parallel()
	for _, fields := range []string{`"list":[]`, `"subMembers":null`, `"subMembers":[{"username":"x"}]`, `"subMembers":[{"uid":"1","accountMode":"x"}]`} {
		got, fault := subs(t, keyBody(fields))
		require.Nil(t, got, fields)
		require.Equal(t, exchange.Decode, fault.Class, fields)
		require.Contains(t, fault.Message, "sub-accounts")
	}
	_, fault := subs(t, fixture(t, "errors/retcode_10005.json"))
	require.Equal(t, exchange.Permission, fault.Class)
}

func TestProbeTellsMastersFromSubAccounts(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]exchange.KeyInfo{
		`"isMaster":true,"parentUid":"0"`:      {IsMaster: true},
		`"isMaster":false,"parentUid":"12345"`: {ParentUID: "12345"},
		`"isMaster":false,"parentUid":12345`:   {ParentUID: "12345"},
		`"parentUid":"0"`:                      {IsMaster: true},
		`"parentUid":""`:                       {},
	} {
		got, fault := probe(t, keyBody(`"userID":5,"readOnly":1,"permissions":{},`+fields), fixture(t, "edge/account-info.classic.json"))
		require.Nil(t, fault)
		require.Equal(t, want, exchange.KeyInfo{IsMaster: got.IsMaster, ParentUID: got.ParentUID}, fields)
	}
}

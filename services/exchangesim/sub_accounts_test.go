package exchangesim_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
)

const subsPath = "/v5/user/query-sub-members"

func TestAMasterListsItsSubAccounts(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Accounts: 5, SubAccounts: 2})
	_, err := s.SetMode(s.UID(2), 6)
	require.NoError(t, err)
	subs := func(index int) []exchangesim.SubMember {
		r := s.Client(index).Get(t, subsPath, "")
		require.Zero(t, r.RetCode, r.RetMsg)
		require.Equal(t, "10", r.Header.Get("X-Bapi-Limit"))
		var result struct{ SubMembers []exchangesim.SubMember }
		require.NoError(t, json.Unmarshal(r.Result, &result))
		require.NotNil(t, result.SubMembers)
		return result.SubMembers
	}
	require.Equal(t, []exchangesim.SubMember{
		{UID: s.UID(1), Username: "standin001", MemberType: 1, Status: 1, AccountMode: 5},
		{UID: s.UID(2), Username: "standin002", MemberType: 1, Status: 1, AccountMode: 6},
	}, subs(0))
	require.Empty(t, subs(3), "another master, without any")
	require.Equal(t, 10005, s.Client(1).Get(t, subsPath, "").RetCode, "a sub may not ask")

	info := func(index int) (got exchangesim.KeyInfo) {
		require.NoError(t, json.Unmarshal(s.Client(index).Get(t, keyPath, "").Result, &got))
		return got
	}
	require.Equal(t, [2]any{true, "0"}, [2]any{info(0).IsMaster, info(0).ParentUID})
	require.Equal(t, [2]any{false, s.UID(0)}, [2]any{info(1).IsMaster, info(1).ParentUID})
	require.Equal(t, [2]any{true, "0"}, [2]any{info(4).IsMaster, info(4).ParentUID})
	_, err = s.ChangeUID(s.UID(0), "12345")
	require.NoError(t, err)
	require.Equal(t, "12345", info(2).ParentUID, "the master's UID of now")
}

func TestSubAccountsNeedAccounts(t *testing.T) {
	t.Parallel()
	for _, subs := range []int{-1, 3} {
		_, err := exchangesim.New(exchangesim.Config{Accounts: 3, SubAccounts: subs})
		require.ErrorContains(t, err, "sub-accounts must be 0 to 2")
	}
}

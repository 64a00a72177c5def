package exchangesim_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func limitHeaders(r exchangesimtest.Response) [3]string {
	return [3]string{r.Header.Get("X-Bapi-Limit"), r.Header.Get("X-Bapi-Limit-Status"), r.Header.Get("X-Bapi-Limit-Reset-Timestamp")}
}

func TestLimitPerUIDAndPath(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{Limits: true})
	c, other := s.Client(0), s.Client(1)
	at := func(ms int) string { return strconv.FormatInt(noon().UnixMilli()+int64(ms), 10) }
	for i := range 10 {
		r := c.Get(t, keyPath, "")
		require.Zero(t, r.RetCode)
		require.Equal(t, [3]string{"10", strconv.Itoa(9 - i), at(i * 50)}, limitHeaders(r))
		clock.Advance(50 * time.Millisecond)
	}
	r := c.Get(t, keyPath, "")
	require.Equal(t, []int{http.StatusOK, 10006}, []int{r.Status, r.RetCode})
	require.Equal(t, [3]string{"10", "0", at(1000)}, limitHeaders(r), "the first of the ten leaves the window then")
	require.Zero(t, other.Get(t, keyPath, "").RetCode, "another UID")
	require.Equal(t, "50", c.Get(t, infoPath, "").Header.Get("X-Bapi-Limit"), "another path")

	clock.Advance(499 * time.Millisecond)
	require.Equal(t, 10006, c.Get(t, keyPath, "").RetCode)
	clock.Advance(time.Millisecond)
	require.Zero(t, c.Get(t, keyPath, "").RetCode)
	require.Equal(t, 10006, c.Get(t, keyPath, "").RetCode, "a rolling window frees one at a time")
}

func TestTwoKeysOfOneUIDShareItsLimit(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Limits: true, LimitSizes: exchangesim.LimitSizes{PerUID: map[string]int{infoPath: 2}}})
	_, err := s.ChangeUID(s.UID(1), s.UID(0))
	require.NoError(t, err)
	require.Zero(t, s.Client(0).Get(t, infoPath, "").RetCode)
	require.Zero(t, s.Client(1).Get(t, infoPath, "").RetCode)
	require.Equal(t, 10006, s.Client(0).Get(t, infoPath, "").RetCode)
	require.Equal(t, 10006, s.Client(1).Get(t, infoPath, "").RetCode)
}

func TestDocumentedLimitSizes(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	for path, query := range map[string]string{
		infoPath: "", walletPath: "accountType=UNIFIED", positionPath: "category=inverse", openPath: "category=spot", historyPath: "category=spot",
	} {
		require.Equal(t, "50", s.Client(0).Get(t, path, query).Header.Get("X-Bapi-Limit"), path)
	}
	require.Equal(t, "10", s.Client(0).Get(t, keyPath, "").Header.Get("X-Bapi-Limit"))
	require.Empty(t, s.Client(0).Get(t, timePath, "").Header.Get("X-Bapi-Limit"), "public paths have none")
}

func TestLimitPerAddressBans(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{Limits: true})
	c := s.Client(0)
	for range 600 {
		require.Zero(t, c.Get(t, timePath, "").RetCode)
	}
	r := c.Get(t, timePath, "")
	require.Equal(t, http.StatusForbidden, r.Status)
	require.Contains(t, string(r.Body), "access too frequent")
	clock.Advance(10*time.Minute - time.Millisecond)
	require.Equal(t, http.StatusForbidden, c.Get(t, infoPath, "").Status, "every path is banned")
	clock.Advance(time.Millisecond)
	require.Zero(t, c.Get(t, infoPath, "").RetCode)
}

func TestAddressLimitIsRollingAndCanBeLifted(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{Limits: true, LimitSizes: exchangesim.LimitSizes{IPRequests: 3}})
	c := s.Client(0)
	for range 9 {
		require.Zero(t, c.Get(t, timePath, "").RetCode)
		clock.Advance(5 * time.Second / 3)
		clock.Advance(time.Millisecond)
	}
	for range 3 {
		c.Get(t, timePath, "")
	}
	require.Equal(t, http.StatusForbidden, c.Get(t, timePath, "").Status)
	s.Unban()
	require.Zero(t, c.Get(t, timePath, "").RetCode)
	s.SetLimits(false)
	for range 20 {
		require.Zero(t, c.Get(t, timePath, "").RetCode)
	}
}

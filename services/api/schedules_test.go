package api_test

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func TestSchedulesAreListedAndChanged(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	s.Add(t, "other")
	off := false
	set, err := c.SetSchedule(t.Context(), &controlv1.SetScheduleRequest{
		Account: "main", Types: []string{"orders", "prices"}, Every: durationpb.New(2 * time.Second),
	})
	require.NoError(t, err)
	require.Len(t, set.GetSchedules(), 2)
	_, err = c.SetSchedule(t.Context(), &controlv1.SetScheduleRequest{Exchange: "bybit", Types: []string{"fills"}, Enabled: &off})
	require.NoError(t, err)
	list, err := c.ListSchedules(t.Context(), &controlv1.ListSchedulesRequest{Account: "main"})
	require.NoError(t, err)
	seen := 0
	for _, one := range list.GetSchedules() {
		require.NotEqual(t, "other", one.GetAccount())
		require.Equal(t, one.GetDataType() != "fills", one.GetEnabled())
		if one.GetDataType() == "orders" || one.GetDataType() == "prices" {
			require.Equal(t, 2*time.Second, one.GetEvery().AsDuration())
			seen++
		}
	}
	require.Equal(t, 2, seen)
	state, err := c.GetStatus(t.Context(), &controlv1.GetStatusRequest{Account: "other"})
	require.NoError(t, err)
	for _, d := range state.GetAccounts()[0].GetTypes() {
		require.Equal(t, d.GetDataType() == "fills", d.GetUnscheduled(), d.GetDataType())
		if d.GetDataType() == "prices" {
			require.Equal(t, 2*time.Second, d.GetEvery().AsDuration(), "the market's is everybody's")
		}
	}

	for reason, requests := range map[string][]*controlv1.SetScheduleRequest{
		"data type": {{Account: "main", Enabled: &off}, {Account: "main", Types: []string{"nothing"}, Enabled: &off}},
		"scope":     {{Types: []string{"orders"}, Enabled: &off}, {Account: "main", Exchange: "bybit", Types: []string{"orders"}, Enabled: &off}},
		"cadence": {
			{Account: "main", Types: []string{"orders"}},
			{Account: "main", Types: []string{"orders"}, Every: durationpb.New(999 * time.Millisecond)},
			{Account: "main", Types: []string{"orders"}, Every: durationpb.New(8 * 24 * time.Hour)},
		},
	} {
		for _, request := range requests {
			_, err := c.SetSchedule(t.Context(), request)
			requireProblem(t, err, connect.CodeInvalidArgument, reason)
		}
	}
	_, err = c.SetSchedule(t.Context(), &controlv1.SetScheduleRequest{Account: "main", Types: []string{"candles"}, Enabled: &off})
	requireProblem(t, err, connect.CodeNotFound, "schedule_not_found")
	_, err = c.SetSchedule(t.Context(), &controlv1.SetScheduleRequest{Environment: "mars", Types: []string{"orders"}, Enabled: &off})
	requireProblem(t, err, connect.CodeNotFound, "market_not_found")
	_, err = c.ListSchedules(t.Context(), &controlv1.ListSchedulesRequest{Account: "nobody"})
	requireProblem(t, err, connect.CodeNotFound, "account_not_found")
}

package bybit

import (
	"fmt"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func notice(state string, end time.Time, uids string) []byte {
	return list("", fmt.Sprintf(`{"title":"Upgrade","state":"%s","end":"%d","uidSuffix":[%s],"maintainType":1,"env":1}`, state, end.UnixMilli(), uids))
}

func TestMaintenanceIsFoundBehindAServerError(t *testing.T) {
	t.Parallel()
	end := time.Now().Add(20 * time.Minute).Truncate(time.Millisecond)
	cases := map[string]struct {
		answer string
		notice []byte
		want   exchange.Class
		told   bool
	}{
		"of all accounts":     {"errors/retcode_10016.json", notice("ongoing", end, ""), exchange.Maintenance, true},
		"behind a web page":   {"http/502-html.json", notice("ongoing", end, ""), exchange.Maintenance, true},
		"of our account":      {"errors/retcode_10016.json", notice("ongoing", end, "3,7"), exchange.Transient, true},
		"of other accounts":   {"errors/retcode_10016.json", notice("ongoing", end, "4"), exchange.Transient, false},
		"only announced":      {"errors/retcode_10016.json", notice("scheduled", end, ""), exchange.Transient, false},
		"none":                {"errors/retcode_10016.json", list(""), exchange.Transient, false},
		"nobody knows":        {"errors/retcode_10016.json", []byte(`<html>`), exchange.Transient, false},
		"an error of our own": {"errors/retcode_10003.json", notice("ongoing", end, ""), exchange.Auth, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			stand.on(walletBalance, always(fixture(t, c.answer)))
			if c.answer[:4] == "http" {
				stand.on(walletBalance, replay(t, c.answer))
			}
			stand.on(systemStatus, always(c.notice))
			client := stand.client(t, func(c *Config) { c.Target.UID = "1003" })
			got := client.Balances(t.Context(), unified)
			require.Equal(t, c.want, got.Err.Class)
			if !c.told {
				require.NotContains(t, got.Err.Message, "maintenance")
				return
			}
			require.Contains(t, got.Err.Message, `maintenance ("Upgrade")`)
			require.WithinDuration(t, end, got.Err.RetryAt, time.Second)
			require.Empty(t, stand.asked(systemStatus)[0].Header.Get("X-BAPI-API-KEY"))
		})
	}
}

func TestLongMaintenanceIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, always(fixture(t, "errors/retcode_10016.json")))
	stand.on(systemStatus, always(notice("ongoing", time.Now().Add(100*time.Hour), "")))
	got := stand.client(t).Balances(t.Context(), unified)
	require.WithinDuration(t, time.Now().Add(longestMaintenance), got.Err.RetryAt, time.Minute)
}

func TestMaintenanceThatIsOverNamesNoTime(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, always(fixture(t, "errors/retcode_10000.json")))
	stand.on(systemStatus, always(notice("ongoing", time.Now().Add(-time.Hour), "")))
	got := stand.client(t).Balances(t.Context(), unified)
	require.Equal(t, exchange.Maintenance, got.Err.Class)
	require.True(t, got.Err.RetryAt.IsZero())
}

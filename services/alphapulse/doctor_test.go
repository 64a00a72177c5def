package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/queue/broker"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

type report struct {
	OK     bool      `json:"ok"`
	Checks []finding `json:"checks"`
}

func (r report) find(t *testing.T, check string) finding {
	t.Helper()
	for _, f := range r.Checks {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("no check %q in %v", check, r.Checks)
	return finding{}
}

// exchangeAt serves an exchange's clock that is off.
func exchangeAt(t *testing.T, s *apitest.Server, offset time.Duration) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"retCode":0,"retMsg":"OK","result":{"timeSecond":"0","timeNano":"%d"}}`, time.Now().Add(offset).UnixNano())
	}))
	t.Cleanup(server.Close)
	_, err := s.DB.Exec(t.Context(), `UPDATE alphapulse.markets SET base_url = $1`, server.URL)
	require.NoError(t, err)
}

// TestDoctorBelievesTheShortestRoundTrip: a reading that was slow on one way says
// little about the clock.
func TestDoctorBelievesTheShortestRoundTrip(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	slow := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		at := time.Now()
		if n.Add(1) == 1 {
			at = at.Add(time.Hour) // as if the answer had been on its way for long
			timer := time.AfterFunc(500*time.Millisecond, func() { close(slow) })
			defer timer.Stop()
			<-slow
		}
		fmt.Fprintf(w, `{"retCode":0,"retMsg":"OK","result":{"timeSecond":"0","timeNano":"%d"}}`, at.UnixNano())
	}))
	t.Cleanup(server.Close)
	ahead, err := exchangeClock(t.Context(), server.URL)
	require.NoError(t, err)
	require.Less(t, ahead.Abs(), time.Minute)
	require.EqualValues(t, clockReadings, n.Load())
	server.Close()
	_, err = exchangeClock(t.Context(), server.URL)
	require.Error(t, err)
}

func doctorShell(t *testing.T, s *apitest.Server) shell {
	t.Helper()
	return newShell(t, s, "DATABASE_URL="+s.DatabaseURL, "NATS_URL="+s.Broker.URL(),
		vault.PrivateKeySetting+"_FILE="+s.KeyDir+"/keys/"+vault.PrivateKeyFile)
}

func TestDoctorFindsNothingWrong(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	exchangeAt(t, s, 0)
	sh := doctorShell(t, s)
	out := sh.ok(t, "doctor", "--json")
	r := decode[report](t, out)
	require.True(t, r.OK)
	for _, f := range r.Checks {
		want := findingOK
		if f.Check == "postgres durability" || f.Check == "nats durability" {
			want = findingWarn // a test's servers do not flush
		}
		require.Equal(t, want, f.Status, f)
	}
	for _, check := range []string{
		"postgres version", "postgres clock", "migrations", "postgres privileges", "postgres reader", "nats", "jetstream", "stream SYNC_JOBS",
		"stream SYNC_RESULTS", "stream SYNC_EVENTS", "stream SYNC_DEAD", "api", "api readiness", "vault key",
		"clock of bybit testnet", "key of main",
	} {
		r.find(t, check)
	}
	require.Contains(t, sh.ok(t, "doctor").stdout, "ok")
}

func TestDoctorWithoutSettingsSaysWhatItDidNotCheck(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	r := decode[report](t, newShell(t, s).ok(t, "doctor", "--json"))
	require.True(t, r.OK)
	for check, setting := range map[string]string{
		"postgres": "DATABASE_URL", "nats": "NATS_URL", "vault key": vault.PrivateKeySetting,
	} {
		f := r.find(t, check)
		require.Equal(t, findingWarn, f.Status)
		require.Contains(t, f.Message, "not checked: "+setting+" is not set")
	}
}

func TestDoctorNamesEachFault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		harm   func(*testing.T, *apitest.Server) []string // environment to add
		check  string
		status string
		says   string
	}{
		"an old schema": {func(t *testing.T, s *apitest.Server) []string {
			execute(t, s, `DELETE FROM alphapulse.schema_version WHERE version_id = (SELECT max(version_id) FROM alphapulse.schema_version)`)
			return nil
		}, "migrations", findingFail, "too old"},
		"a role without rights": {func(t *testing.T, s *apitest.Server) []string {
			role := "weak_" + fmt.Sprint(time.Now().UnixNano())
			execute(t, s, `CREATE ROLE `+role+` LOGIN PASSWORD 'x'`)
			t.Cleanup(func() {
				for _, statement := range []string{"DROP OWNED BY " + role, "DROP ROLE " + role} {
					_, err := s.DB.Exec(context.Background(), statement)
					require.NoError(t, err)
				}
			})
			execute(t, s, `GRANT USAGE ON SCHEMA alphapulse TO `+role)
			execute(t, s, `GRANT SELECT ON alphapulse.schema_version TO `+role)
			return []string{"DATABASE_URL=" + asRole(t, s.DatabaseURL, role)}
		}, "postgres privileges", findingFail, "account_credentials, "},
		"a reader that may read secrets": {func(t *testing.T, s *apitest.Server) []string {
			execute(t, s, `GRANT SELECT ON alphapulse.account_credentials TO alphapulse_reader`)
			return nil
		}, "postgres reader", findingFail, "account_credentials"},
		"a reader that may not read": {func(t *testing.T, s *apitest.Server) []string {
			execute(t, s, `REVOKE SELECT ON alphapulse.balances FROM alphapulse_reader`)
			return nil
		}, "postgres reader", findingWarn, "may not read balances"},
		"a database that is not there": {func(*testing.T, *apitest.Server) []string {
			return []string{"DATABASE_URL=postgres://u:" + knownSecret + "@127.0.0.1:1/x"}
		}, "postgres", findingFail, "127.0.0.1"},
		"a stream that is gone": {func(t *testing.T, s *apitest.Server) []string {
			s.Broker.Wipe()
			return nil
		}, "stream SYNC_JOBS", findingFail, "does not exist"},
		"a broker that is not there": {func(t *testing.T, s *apitest.Server) []string {
			return []string{"NATS_URL=nats://" + knownSecret + "@127.0.0.1:1"}
		}, "nats", findingFail, "cannot be reached"},
		"an API that is not there": {func(*testing.T, *apitest.Server) []string {
			return []string{"ALPHAPULSE_API=http://127.0.0.1:1"}
		}, "api", findingFail, "cannot be reached"},
		"a clock that is off": {func(t *testing.T, s *apitest.Server) []string {
			exchangeAt(t, s, time.Minute)
			return nil
		}, "clock of bybit testnet", findingFail, "apart"},
		"a clock that drifts": {func(t *testing.T, s *apitest.Server) []string {
			exchangeAt(t, s, -2*time.Second)
			return nil
		}, "clock of bybit testnet", findingWarn, "apart"},
		"another vault key": {func(t *testing.T, _ *apitest.Server) []string {
			dir := t.TempDir() + "/other"
			require.NoError(t, vault.GenerateKeys(dir))
			return []string{vault.PrivateKeySetting + "_FILE=" + dir + "/" + vault.PrivateKeyFile}
		}, "vault key", findingFail, "cannot be opened"},
		"a broker that confirms before it writes": {func(t *testing.T, _ *apitest.Server) []string {
			return monitored(t, false)
		}, "nats durability", findingWarn, "of the last 2m0s"},
		"a monitoring endpoint that is none": {func(_ *testing.T, s *apitest.Server) []string {
			return []string{"NATS_MONITOR_URL=" + s.URL}
		}, "nats durability", findingWarn, "monitoring endpoint"},
		"a key about to expire": {func(t *testing.T, s *apitest.Server) []string {
			execute(t, s, `UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() + interval '3 days'`)
			return nil
		}, "key of main", findingWarn, "expires in 2d"},
		"a key that has expired": {func(t *testing.T, s *apitest.Server) []string {
			execute(t, s, `UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() - interval '3 days'`)
			return nil
		}, "key of main", findingFail, "expired on"},
		"a key that was refused": {func(t *testing.T, s *apitest.Server) []string {
			execute(t, s, `UPDATE alphapulse.accounts SET status = 'needs_attention', reason = 'revoked'`)
			return nil
		}, "key of main", findingFail, "refused it: revoked"},
		"a key that may trade": {func(t *testing.T, s *apitest.Server) []string {
			execute(t, s, `UPDATE alphapulse.accounts SET allow_write_key = true`)
			return nil
		}, "key of main", findingWarn, "allowed to trade"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apitest.New(t)
			s.Add(t, "main")
			exchangeAt(t, s, 0)
			out := doctorShell(t, s).with(test.harm(t, s)...).run(t, "doctor", "--json")
			r := decode[report](t, out)
			f := r.find(t, test.check)
			require.Equal(t, test.status, f.Status, f)
			require.Contains(t, f.Message, test.says)
			require.NotEmpty(t, f.Next)
			require.Equal(t, test.status != findingFail, r.OK, r)
			require.Equal(t, !r.OK, out.code == exitFailure)
		})
	}
}

// asRole connects as another role.
func asRole(t *testing.T, address, role string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.User = url.UserPassword(role, "x")
	return u.String()
}

func execute(t *testing.T, s *apitest.Server, sql string) {
	t.Helper()
	_, err := s.DB.Exec(t.Context(), sql)
	require.NoError(t, err)
}

// monitored starts a broker with a monitoring endpoint and gives the setting.
func monitored(t *testing.T, always bool) []string {
	t.Helper()
	b, err := broker.Start(t.Context(), broker.Config{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Monitor: "127.0.0.1:0", SyncAlways: always, Log: queuetest.Discard(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Stop()) })
	return []string{"NATS_MONITOR_URL=" + b.MonitorURL()}
}

func TestDoctorReadsWhetherTheBrokerWritesFirst(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	r := decode[report](t, doctorShell(t, s).with(monitored(t, true)...).run(t, "doctor", "--json"))
	f := r.find(t, "nats durability")
	require.Equal(t, findingOK, f.Status, f)
	require.Contains(t, f.Message, "survive a power loss")
}

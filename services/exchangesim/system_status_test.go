package exchangesim_test

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

const statusPath = "/v5/system/status"

func states(t *testing.T, s *exchangesimtest.Server, query string) map[string]string {
	t.Helper()
	rows, _ := exchangesimtest.List[exchangesim.SystemStatus](t, s.Client(0).Get(t, statusPath, query))
	found := map[string]string{}
	for _, row := range rows {
		found[row.ID] = row.State
	}
	return found
}

func TestMaintenanceFollowsTheClock(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	require.Empty(t, states(t, s, ""))
	status, answer := admin(t, s, http.MethodPost, "/admin/maintenance",
		`{"title":"Planned upgrade","begin":"2026-03-04T12:10:00Z","end":"2026-03-04T12:40:00Z","service_types":[1,2],"product":[1,2],"uid_suffix":[3,7]}`)
	require.Equal(t, http.StatusOK, status, answer)
	id, _ := answer["id"].(string)
	other, err := s.AnnounceMaintenance(exchangesim.Maintenance{Begin: noon(), End: noon().Add(time.Hour)})
	require.NoError(t, err)
	require.Equal(t, map[string]string{id: "scheduled", other: "ongoing"}, states(t, s, ""))
	clock.Advance(10 * time.Minute)
	require.Equal(t, map[string]string{id: "ongoing"}, states(t, s, "state=ongoing&id="+id))
	require.Zero(t, s.Client(0).Get(t, infoPath, "").RetCode, "an announcement alone refuses nobody")
	clock.Advance(30 * time.Minute)
	require.Equal(t, map[string]string{id: "completed", other: "ongoing"}, states(t, s, ""))
	status, answer = admin(t, s, http.MethodDelete, "/admin/maintenance?id="+other, "")
	require.Equal(t, http.StatusOK, status, answer)
	require.Equal(t, map[string]string{id: "completed", other: "canceled"}, states(t, s, ""))
	require.Equal(t, 10001, s.Client(0).Get(t, statusPath, "state=soon").RetCode)
	status, _ = admin(t, s, http.MethodDelete, "/admin/maintenance?id=nothing", "")
	require.Equal(t, http.StatusNotFound, status)
	for _, bad := range []string{
		`{}`, `{"begin":"2026-03-04T12:10:00Z","end":"2026-03-04T12:10:00Z"}`, `{"begin":"soon"}`,
		`{"begin":"2026-03-04T12:10:00Z","end":"2026-03-04T12:11:00Z","uid_suffix":[10]}`,
	} {
		status, _ = admin(t, s, http.MethodPost, "/admin/maintenance", bad)
		require.Equal(t, http.StatusBadRequest, status, bad)
	}
	_, answer = admin(t, s, http.MethodGet, "/admin/maintenance", "")
	require.Len(t, answer["list"], 2)
}

// TestStatusHasTheShapeOfTheFixture: its fields; the two numbers are documented
// as strings and shown as numbers.
func TestStatusHasTheShapeOfTheFixture(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	_, err := s.AnnounceMaintenance(exchangesim.Maintenance{Begin: noon(), End: noon().Add(time.Hour), UIDSuffix: []int{3}})
	require.NoError(t, err)
	file, err := os.ReadFile("testdata/replay/v5-system-status.json")
	require.NoError(t, err)
	var fixture exchangesimtest.Response
	require.NoError(t, json.Unmarshal(file, &fixture))
	fixture.Status = http.StatusOK
	want, _ := exchangesimtest.List[map[string]any](t, fixture)
	want[0]["maintainType"], want[0]["env"] = 1.0, 1.0
	rows, _ := exchangesimtest.List[map[string]any](t, s.Client(0).Get(t, statusPath, ""))
	requireFields(t, want[0], rows[0])
}

func TestMaintenanceMayKeepAccountsOut(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	uid := s.UID(0)
	_, err := s.AnnounceMaintenance(exchangesim.Maintenance{
		Begin: noon(), End: noon().Add(time.Minute), UIDSuffix: []int{int(uid[len(uid)-1] - '0')}, Refuse: true,
	})
	require.NoError(t, err)
	require.Equal(t, 10016, s.Client(0).Get(t, infoPath, "").RetCode)
	require.Zero(t, s.Client(1).Get(t, infoPath, "").RetCode, "another last digit")
	require.Zero(t, s.Client(0).Get(t, timePath, "").RetCode)
	clock.Advance(time.Minute)
	require.Zero(t, s.Client(0).Get(t, infoPath, "").RetCode)
}

package monitoring

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/services/internal/prometheustest"
)

// faster is by how much the times of the alerts are divided: five minutes become
// ten seconds.
const faster = 30

// The alerts on what Postgres owes a fleet (it answers, transactions end, pools
// suffice, connections live), as they are shipped: each is silent while all is
// well, fires while the database is broken in its way, and resolves when that is
// mended.
func TestAlertsOfABrokenDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	prometheus := prometheustest.Start(t, prometheustest.Config{
		Targets: targetsFile(t, s.processes), Rules: []string{shortened(t, "database.yml", faster)}, Every: 500 * time.Millisecond,
	})
	fleettest.Await(t, "every process is scraped", func() bool {
		return len(prometheus.Query(`up == 1`)) == len(s.processes)
	})
	for _, fault := range []struct {
		alert string
		begin func() (mend func())
	}{
		{"AlphaPulseTransactionsSlow", s.slow},
		{"AlphaPulsePoolExhausted", s.exhaust},
		{"AlphaPulseConnectionsChurn", s.cut},
		{"AlphaPulseDatabaseUnreachable", s.kill},
	} {
		require.Empty(t, prometheus.Alerts(fault.alert), "nothing is broken in this way yet")
		began := time.Now()
		mend := fault.begin()
		fleettest.Await(t, fault.alert+" fires", func() bool { return prometheus.Firing(fault.alert) })
		fired := time.Since(began)
		for _, one := range prometheus.Alerts(fault.alert) {
			t.Log(one.Annotations["description"])
		}
		mended := time.Now()
		mend()
		fleettest.Await(t, fault.alert+" has resolved", func() bool { return len(prometheus.Alerts(fault.alert)) == 0 })
		t.Logf("%s fired after %s and resolved after %s", fault.alert,
			fired.Round(100*time.Millisecond), time.Since(mended).Round(100*time.Millisecond))
	}
}

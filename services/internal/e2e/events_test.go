package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// The consumer that the documentation shows is the one here, and it hears of a
// run and of what it changed.
func TestTheDocumentedConsumerHearsOfChanges(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("consumer/main.go")
	require.NoError(t, err)
	_, program, _ := strings.Cut(string(source), "\n")
	doc, err := os.ReadFile("../../../docs/events.md")
	require.NoError(t, err)
	require.Contains(t, string(doc), "```go\n"+program+"```")

	f := fleettest.New(t, exchangesim.Config{})
	f.Start()
	account := f.Active(0)
	binary := filepath.Join(t.TempDir(), "consumer")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./consumer").CombinedOutput()
	require.NoError(t, err, string(built))
	consumer := fleettest.Start(t, "consumer", []string{"NATS_URL=" + f.Broker.URL()}, binary)
	run, _ := f.Sync(account.ID, syncjob.Balances)
	consumer.AwaitOutput("sync.run.succeeded." + account.ID)
	consumer.AwaitOutput("sync.data.balances." + account.ID)
	consumer.AwaitOutput(run.ID)
}

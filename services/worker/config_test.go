package worker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestConfigNamesEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Config{Types: []syncjob.DataType{"candy"}, Lanes: []syncjob.Lane{"fast"}, Slots: -1, RequestsPerSecond: -1}.complete()
	for _, mistake := range []string{"slots", "name", "egress", "requests per second", `"candy"`, `"fast"`} {
		require.ErrorContains(t, err, mistake)
	}
	cfg, err := Config{Name: "w", Egress: "e"}.complete()
	require.NoError(t, err)
	require.Equal(t, syncjob.Requestable(), cfg.Types)
}

package brokers

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServersThatDoNotAgreeHaveNoLeader(t *testing.T) {
	t.Parallel()
	agreed := leaders{}
	require.NoError(t, agreed.join(leaders{{}: "one", {"A", ""}: "two"}))
	require.NoError(t, agreed.join(leaders{{}: "one", {"B", ""}: "three", {"B", "worker"}: "one"}))
	err := agreed.join(leaders{{"B", ""}: "two"})
	require.ErrorIs(t, err, ErrNoLeader)
	require.ErrorContains(t, err, "three and two are taken for the leader of stream B")
	err = agreed.join(leaders{{"B", "worker"}: "two"})
	require.ErrorContains(t, err, "one and two are taken for the leader of consumer worker of B")
	err = agreed.join(leaders{{}: "two"})
	require.ErrorContains(t, err, "one and two are taken for the leader of JetStream")
}

package brokers

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServersThatDoNotAgreeHaveNoLeader(t *testing.T) {
	t.Parallel()
	agreed := leaders{}
	require.NoError(t, agreed.join(leaders{"JetStream": "one", "stream A": "two"}))
	require.NoError(t, agreed.join(leaders{"JetStream": "one", "stream B": "three"}))
	err := agreed.join(leaders{"stream B": "two"})
	require.ErrorIs(t, err, ErrNoLeader)
	require.ErrorContains(t, err, "three and two are taken for the leader of stream B")
}

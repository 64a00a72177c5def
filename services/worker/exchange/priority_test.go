package exchange

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPriorityTravelsInTheContext(t *testing.T) {
	t.Parallel()
	require.Equal(t, Live, PriorityOf(t.Context()))
	ctx := WithPriority(t.Context(), Backfill)
	require.Equal(t, Backfill, PriorityOf(ctx))
	require.Equal(t, Live, PriorityOf(WithPriority(ctx, Live)))
}

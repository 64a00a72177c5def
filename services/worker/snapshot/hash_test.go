package snapshot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

func cells(rows ...[]string) snapshot.Rows {
	return snapshot.Collect(held(), rows, func(row []string) []string { return row })
}

func held() snapshot.Table {
	return snapshot.Table{
		Name: "held", Subject: "account_id", Scope: "wallet",
		Key:      []snapshot.Column{{Name: "wallet", Type: "text"}, {Name: "asset", Type: "text"}},
		Compared: []snapshot.Column{{Name: "total", Type: "numeric"}},
		Market:   []snapshot.Column{{Name: "usd_value", Type: "numeric"}},
	}
}

func TestHashIsOfTheContentAndNotOfItsOrder(t *testing.T) {
	t.Parallel()
	w := snapshot.NewWriter(held())
	base := w.Hash(cells([]string{"spot", "BTC", "1", "2"}, []string{"spot", "ETH", "3", ""}))
	require.Equal(t, base, w.Hash(cells([]string{"spot", "ETH", "3", ""}, []string{"spot", "BTC", "1", "2"})))

	renamed := held()
	renamed.Compared[0].Type = "text"
	others := map[string][]byte{
		"another amount":            w.Hash(cells([]string{"spot", "BTC", "1.5", "2"}, []string{"spot", "ETH", "3", ""})),
		"another value":             w.Hash(cells([]string{"spot", "BTC", "1", "2.5"}, []string{"spot", "ETH", "3", ""})),
		"a row less":                w.Hash(cells([]string{"spot", "BTC", "1", "2"})),
		"no row":                    w.Hash(cells()),
		"the same text cut another": w.Hash(cells([]string{"spot", "BTC", "12", ""}, []string{"spot", "ETH", "3", ""})),
		"another version of it":     snapshot.NewWriter(renamed).Hash(cells([]string{"spot", "BTC", "1", "2"}, []string{"spot", "ETH", "3", ""})),
	}
	seen := map[string]string{string(base): "the base"}
	for name, hash := range others {
		require.Empty(t, seen[string(hash)], "%s has the hash of %s", name, seen[string(hash)])
		seen[string(hash)] = name
	}
}

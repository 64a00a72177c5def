package bybit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// BenchmarkDecode is a full page on its way from the wire to a snapshot's rows.
func BenchmarkDecode(b *testing.B) {
	b.Run("positions-50", func(b *testing.B) {
		decoding(b, positionList, "position-list.linear.one-way.json", "symbol", 50, fuzzSession().positionIn("linear:USDT"))
	})
	b.Run("orders-50", func(b *testing.B) {
		decoding(b, orderRealtime, "order-realtime.linear.conditional.json", "orderId", 50, fuzzSession().orderIn(linear, "linear:USDT"))
	})
	b.Run("fills-100", func(b *testing.B) {
		decoding(b, executionList, "execution-list.spot.maker-rebate.json", "execId", 100, fuzzClient().fillIn(spot))
	})
}

func decoding[T exchange.Keyed](b *testing.B, ep endpoint, file, key string, rows int, read decode[T]) {
	b.Helper()
	s, body := fuzzSession(), pageOf(b, file, key, rows)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		got, fault := s.judge(answer{endpoint: ep, status: 200, body: body})
		require.Nil(b, fault)
		page, fault := s.parsePage(got)
		require.Nil(b, fault)
		w := newWalk[T](s, nil)
		w.add(page.rows, read)
		require.Len(b, w.rows, rows)
	}
}

// pageOf is a fixture whose first row is repeated under other keys.
func pageOf(b *testing.B, file, key string, rows int) []byte {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "edge", file))
	require.NoError(b, err)
	var page map[string]json.RawMessage
	require.NoError(b, json.Unmarshal(text, &page))
	var result map[string]json.RawMessage
	require.NoError(b, json.Unmarshal(page["result"], &result))
	var list []map[string]json.RawMessage
	require.NoError(b, json.Unmarshal(result["list"], &list))
	row := list[0]
	repeated := make([]json.RawMessage, rows)
	for i := range repeated {
		row[key] = json.RawMessage(fmt.Sprintf(`"KEY%d"`, i))
		repeated[i] = encoded(b, row)
	}
	result["list"] = encoded(b, repeated)
	page["result"] = encoded(b, result)
	return encoded(b, page)
}

func encoded(b *testing.B, value any) []byte {
	b.Helper()
	text, err := json.Marshal(value)
	require.NoError(b, err)
	return text
}

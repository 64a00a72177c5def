package bybit

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDecimals(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"0", "-0.06142", "1", "+1", ".5", "5.", "0.000000000000000000", "9007199254740993", "1e-18", "1E8", "-1.5e+10", "123456789012345678901234567890.123456789"} {
		require.True(t, isDecimal(good), good)
	}
	for _, bad := range []string{"", "-", ".", "e5", "1e", "1e999", "1.2.3", "NaN", "Infinity", "0x10", " 1", "1 ", "1,5", "１", "--1", "1_000", "1e-", string(make([]byte, 200))} {
		require.False(t, isDecimal(bad), bad)
	}
	for text, zero := range map[string]bool{"0": true, "0.00": true, "-0": true, "0e5": true, "": false, "0.01": false, "10": false} {
		require.Equal(t, zero, isZero(text), text)
	}
}

func FuzzDecimalIsValidJSONNumberOrStaysOut(f *testing.F) {
	for _, seed := range []string{"1", "-0.5", "1e5", "abc", "1..2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted, err := json.Marshal(s)
		require.NoError(t, err)
		var a amount
		if json.Unmarshal(quoted, &a) == nil && a != "" {
			require.True(t, isDecimal(string(a)))
			require.LessOrEqual(t, len(a), maxDecimal)
		}
	})
}

// anyRow has a field of each kind.
type anyRow struct {
	Text    text
	Amount  amount
	Time    millis
	Integer integer
	Flag    flag
}

func (r *anyRow) field(name []byte) json.Unmarshaler {
	return map[string]json.Unmarshaler{"text": &r.Text, "amount": &r.Amount, "time": &r.Time, "integer": &r.Integer, "flag": &r.Flag}[string(name)]
}

func TestFieldsTakeEveryFormTheExchangeSends(t *testing.T) {
	t.Parallel()
	yes := true
	at := time.UnixMilli(1767225600000).UTC()
	cases := map[string]anyRow{
		`{}`: {},
		`{"text":null,"amount":null,"time":null,"integer":null,"flag":null}`:              {},
		`{"text":"","amount":"","time":"","integer":"","flag":""}`:                        {},
		`{"text":"a","amount":"1.50","time":"1767225600000","integer":"7","flag":"true"}`: {"a", "1.50", millis{at}, integer{7, true}, flag{&yes}},
		`{"text":190,"amount":1.50,"time":1767225600000,"integer":7,"flag":true}`:         {"190", "1.50", millis{at}, integer{7, true}, flag{&yes}},
		`{"time":"0","integer":0,"amount":0}`:                                             {Integer: integer{0, true}, Amount: "0"},
		`{"new":{"a":[1]},"text":"a"}`:                                                    {Text: "a"},
		`{"integer":9007199254740993,"amount":9007199254740993}`:                          {Integer: integer{9007199254740993, true}, Amount: "9007199254740993"},
	}
	for body, want := range cases {
		var got anyRow
		require.NoError(t, read([]byte(body), &got), body)
		require.Equal(t, want, got, body)
	}
	for _, bad := range []string{`{"text":"a\u0000b"}`, `{"text":{}}`, `{"text":true}`, `{"amount":"x"}`, `{"amount":true}`, `{"amount":[]}`, `{"time":"x"}`, `{"time":-1}`, `{"time":1.5}`, `{"time":99999999999999999}`, `{"integer":1.5}`, `{"integer":"x"}`, `{"flag":1}`} {
		var got anyRow
		require.Error(t, read([]byte(bad), &got), bad)
	}
}

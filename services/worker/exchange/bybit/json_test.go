package bybit

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Names are read as JSON means them, of two with the same name the last counts,
// and what is not asked for may be anything.
func TestReadTakesMembersByName(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]anyRow{
		`{"te\u0078t":"a"}`:                       {Text: "a"},
		`{"text":"a","text":"b"}`:                 {Text: "b"},
		`{"Text":"a","TEXT":"b"}`:                 {},
		`{"other":{"text":"a"},"more":["text"]}`:  {},
		" { \"text\" : \"\\u00e9\\n\\\"\" } \n":   {Text: "é\n\""},
		"{\"text\":\"a\xffb\"}":                   {Text: "a\uFFFDb"},
		`{"text":"\ud83d\ude00 \ud800","more":0}`: {Text: "😀 \uFFFD"},
		`null`: {},
	} {
		var got anyRow
		require.NoError(t, read([]byte(body), &got), body)
		require.Equal(t, want, got, body)
	}
}

// The first value that does not fit is named, and those after it are read.
func TestReadGoesOnAfterAMisfit(t *testing.T) {
	t.Parallel()
	var got anyRow
	err := read([]byte(`{"amount":"x","flag":7,"text":"a"}`), &got)
	var unfit *json.UnmarshalTypeError
	require.ErrorAs(t, err, &unfit)
	require.Equal(t, "amount", unfit.Field)
	require.Equal(t, anyRow{Text: "a"}, got)

	var deep instrumentRow
	require.ErrorAs(t, read([]byte(`{"priceFilter":{"tickSize":"x"}}`), &deep), &unfit)
	require.Equal(t, "priceFilter.tickSize", unfit.Field)

	for _, body := range []string{`[]`, `"x"`, `7`, `true`} {
		require.ErrorAs(t, read([]byte(body), &got), &unfit, body)
		require.Empty(t, unfit.Field, body)
	}
}

// No list, null and an empty list are three things: only the last one says that
// there is nothing.
func TestAListThatIsNotThereIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]values{
		`{}`: nil, `{"list":null}`: nil, `{"list":[]}`: {},
		`{"list":[ {"a":[1,2]} , null,"x" ]}`: {json.RawMessage(`{"a":[1,2]}`), json.RawMessage(`null`), json.RawMessage(`"x"`)},
	} {
		var got listResult
		require.NoError(t, read([]byte(body), &got), body)
		require.Equal(t, want, got.List, body)
	}
	var unfit *json.UnmarshalTypeError
	require.ErrorAs(t, read([]byte(`{"list":{"a":1}}`), &listResult{}), &unfit)
	require.Equal(t, "list", unfit.Field)
}

// An answer of which a part is missing may be whole the next time, wherever it
// was cut.
func TestACutAnswerIsTransient(t *testing.T) {
	t.Parallel()
	s := fuzzSession()
	whole := `{"retCode":0,"retMsg":"OK","result":{"list":[{"coin":"A","n":[1.5,true]}]},"time":1767225599000}`
	for cut := range len(whole) {
		_, fault := s.judge(answer{endpoint: walletBalance, status: http.StatusOK, body: []byte(whole[:cut])})
		require.NotNil(t, fault, whole[:cut])
		require.Equal(t, exchange.Transient, fault.Class, whole[:cut])
	}
	_, fault := s.judge(answer{endpoint: walletBalance, status: http.StatusOK, body: []byte(whole)})
	require.Nil(t, fault)
	for _, trailing := range []string{"x", "{}", "]"} {
		_, fault := s.judge(answer{endpoint: walletBalance, status: http.StatusOK, body: []byte(whole + trailing)})
		require.NotNil(t, fault, trailing)
		require.Equal(t, exchange.Transient, fault.Class, trailing)
	}
}

// A header is no part of an answer whose syntax was checked.
func TestAFieldIsReadFromWholeStringsOnly(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{`"1767225600000x`, `"`, `"17"67225600000"`, "\"17\n\"", `17x`} {
		var at millis
		require.Error(t, at.UnmarshalJSON([]byte(bad)), bad)
	}
}

// tagged is anyRow as encoding/json reads it.
type tagged struct {
	Text    text    `json:"text"`
	Amount  amount  `json:"amount"`
	Time    millis  `json:"time"`
	Integer integer `json:"integer"`
	Flag    flag    `json:"flag"`
}

// FuzzReadIsWhatTheStandardLibraryReads holds whatever is read against
// encoding/json. That one also takes names in another case, which are none here.
func FuzzReadIsWhatTheStandardLibraryReads(f *testing.F) {
	for _, body := range []string{
		`{"text":"a","amount":"1.5","time":1767225600000,"integer":7,"flag":true}`, `null`, `[]`, `{"text":`,
		`{"text":"a","text":null}`, `{"text":"\u0000"}`, `{"a":[{"text":1}],"amount":-0.5e3}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var ours anyRow
		var theirs tagged
		err := read(body, &ours)
		var syntax *json.SyntaxError
		if standard := json.Unmarshal(body, &theirs); standard != nil {
			require.Error(t, err)
			require.Equal(t, errors.As(standard, &syntax), !errors.As(err, new(*json.UnmarshalTypeError)), "%v: %v", standard, err)
			return
		}
		if err == nil && !foldedNames(t, body) {
			require.Equal(t, anyRow(theirs), ours)
		}
	})
}

// foldedNames reports whether a name is one of the fields' in another case.
func foldedNames(t *testing.T, body []byte) bool {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(body, &members))
	for name := range members {
		if (&anyRow{}).field([]byte(name)) != nil {
			delete(members, name)
		}
	}
	rest, err := json.Marshal(members)
	require.NoError(t, err)
	var found tagged
	return json.Unmarshal(rest, &found) != nil || found != tagged{}
}

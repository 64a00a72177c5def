package bybit

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
)

const noList = "decode: there is no list"

// paged is what an answer of the order history comes to: the result as it was
// sent, its rows and the cursor, or the class and the cause of the fault.
func paged(body string) string {
	s := fuzzSession()
	got, fault := s.judge(answer{endpoint: orderHistory, status: http.StatusOK, body: []byte(body)})
	if fault != nil {
		return fmt.Sprintf("%s: %v", fault.Class, fault.Cause)
	}
	page, fault := s.parsePage(got)
	if fault != nil {
		return fmt.Sprintf("%s: %v", fault.Class, fault.Cause)
	}
	return fmt.Sprintf("%s %s %q", got.result, page.rows, page.cursor)
}

func TestRowsAreCutWhateverIsInThemAndAroundThem(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"retCode":0,"result":{"list":[1,{"list":[2,[3]]},[[4],[]]],"nextPageCursor":"c"}}`:   `{"list":[1,{"list":[2,[3]]},[[4],[]]],"nextPageCursor":"c"} [1 {"list":[2,[3]]} [[4],[]]] "c"`,
		` { "retCode" : 0 , "result" : { "list" : [ 1 , [ 2 ] ] , "nextPageCursor" : "c" } } `: `{ "list" : [ 1 , [ 2 ] ] , "nextPageCursor" : "c" } [1 [ 2 ]] "c"`,
		`{"retCode":0,"result":{"list":[]}}`:                                                   `{"list":[]} [] ""`,
		`{"result":{"list":[{"a":1}]},"retCode":0}`:                                            `{"list":[{"a":1}]} [{"a":1}] ""`,
		`{"result":{"list":7},"retCode":10001}`:                                                `bad_request: <nil>`,
		`{"result":{"list":[1]}}`:                                                              `decode: there is no retCode`,
		`{"retCode":0,"result":{"more":[[1]],"list":[1],"other":{"list":[2]}}}`:                `{"more":[[1]],"list":[1],"other":{"list":[2]}} [1] ""`,
		`{"retCode":0,"result":{"list":[1],"nextPageCursor":null}}`:                            `{"list":[1],"nextPageCursor":null} [1] ""`,
		`{"retCode":0,"result":{"list":[1],"nextPageCursor":190}}`:                             `{"list":[1],"nextPageCursor":190} [1] "190"`,
		`{"retCode":0,"re\u0073ult":{"l\u0069st":[1],"next\u0050ageCursor":"\u0063"}}`:         `{"l\u0069st":[1],"next\u0050ageCursor":"\u0063"} [1] "c"`,
	} {
		require.Equal(t, want, paged(body), body)
	}
}

// Nothing of an earlier value remains where a later one of the same name is, but
// that a list was there which is none.
func TestOfTwoResultsOrListsTheLastCounts(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"retCode":0,"result":{"list":[1]},"result":{"list":[2]}}`:                               `{"list":[2]} [2] ""`,
		`{"retCode":0,"result":{"list":[1],"nextPageCursor":"c"},"result":{"list":[2]}}`:          `{"list":[2]} [2] ""`,
		`{"retCode":0,"result":{"list":[1]},"result":{"nextPageCursor":"c"}}`:                     noList,
		`{"retCode":0,"result":{"list":7},"result":{"list":[2]}}`:                                 `{"list":[2]} [2] ""`,
		`{"retCode":0,"result":[],"result":{"list":[1]}}`:                                         `{"list":[1]} [1] ""`,
		`{"retCode":0,"result":{"list":[1]},"result":null}`:                                       noList,
		`{"retCode":0,"result":{"list":[1]},"result":[{"list":[2]}]}`:                             `decode: the whole: [{"list":[2]}] cannot be read as listResult`,
		`{"retCode":0,"result":{"list":[1],"list":[2,3]}}`:                                        `{"list":[1],"list":[2,3]} [2 3] ""`,
		`{"retCode":0,"result":{"list":[1,2],"l\u0069st":[]}}`:                                    `{"list":[1,2],"l\u0069st":[]} [] ""`,
		`{"retCode":0,"result":{"list":[1],"list":null}}`:                                         noList,
		`{"retCode":0,"result":{"list":null,"list":[]}}`:                                          `{"list":null,"list":[]} [] ""`,
		`{"retCode":0,"result":{"list":{"a":1},"list":[1]}}`:                                      `decode: list: {"a":1} cannot be read as values`,
		`{"retCode":0,"result":{"list":[1],"nextPageCursor":"c","nextPageCursor":null}}`:          `{"list":[1],"nextPageCursor":"c","nextPageCursor":null} [1] ""`,
		`{"retCode":0,"result":{"list":[1],"nextPageCursor":{},"rows":7,"nextPageCursor":"c"}}`:   `decode: nextPageCursor: {} cannot be read as text`,
		`{"retCode":0,"result":{"list":[1],"nextPageCursor":"a\u0000","nextPageCursor":"b"}}`:     `decode: nextPageCursor: "a\u0000" cannot be read as text`,
		`{"retCode":0,"retCode":10001,"result":{"list":[1]},"retCode":0,"result":{"list":["b"]}}`: `{"list":["b"]} ["b"] ""`,
	} {
		require.Equal(t, want, paged(body), body)
	}
}

func TestAResultWithoutAListIsAFault(t *testing.T) {
	t.Parallel()
	for result, want := range map[string]string{
		`{}`: noList, `null`: noList, `{"list":null}`: noList, `{"List":[1]}`: noList, `{"rows":[1]}`: noList,
		`{"other":[1,{"list":[2]}]}`: noList, "{\"li\xffst\":[1]}": noList,
		`[]`:                   `decode: the whole: [] cannot be read as listResult`,
		`"x"`:                  `decode: the whole: "x" cannot be read as listResult`,
		`7`:                    `decode: the whole: 7 cannot be read as listResult`,
		`false`:                `decode: the whole: false cannot be read as listResult`,
		`{"list":"x"}`:         `decode: list: "x" cannot be read as values`,
		`{"list":{"a":[1]}}`:   `decode: list: {"a":[1]} cannot be read as values`,
		`{"list":[],"rows":7}`: `decode: rows: 7 cannot be read as values`,
	} {
		require.Equal(t, want, paged(`{"retCode":0,"result":`+result+`}`), result)
	}
	require.Equal(t, "decode: jsontext: unexpected EOF", paged(`{"retCode":0}`), "no result at all")
}

// Broken text is no answer, even where it is in no list or not in one that is read.
func TestSyntaxIsCheckedInsideOfListsAndRows(t *testing.T) {
	t.Parallel()
	for _, result := range []string{
		`{"list":[,1]}`, `{"list":[1,]}`, `{"list":[1 2]}`, `{"list":[1:2]}`, `{"list":[{"a":}]}`, `{"list":[1]]`,
		`{"list" [1]}`, `{"list",[1]}`, `{"list":[1],}`, `{,"list":[1]}`, `{7:[1]}`, `{[1]}`, `{"list":}`, `{"list"}`,
		`{"rows":[1}}`, `{"other":[1}}`, `{"other":{"list":[1}}}`, `{"other":tru}`, `[1`, `"x`, `[{"list":[1,]}]`, ``,
	} {
		_, err := parseEnvelope([]byte(`{"retCode":0,"result":` + result + `}`))
		require.ErrorAs(t, err, new(*jsontext.SyntacticError), result)
		require.Regexp(t, `^transient: jsontext: `, paged(`{"retCode":0,"result":`+result+`}`), result)
	}
	require.Equal(t, `transient: jsontext: invalid character 'x' in literal true (expecting 'e') within "/result/list/1/a" after offset 41`,
		paged(`{"retCode":0,"result":{"list":[0,{"a":trux}]}}`), "it is said where")
}

// twoSteps is an envelope whose result is first taken as it is.
type twoSteps struct {
	envelope
	result json.RawMessage
}

func (r *twoSteps) field(name []byte) json.Unmarshaler {
	if string(name) == "result" {
		return &r.result
	}
	return r.envelope.field(name)
}

// FuzzAListingIsWhatTheResultSays holds what is read on the way through an
// envelope against reading its result by itself.
func FuzzAListingIsWhatTheResultSays(f *testing.F) {
	for _, body := range []string{
		`{"retCode":0,"result":{"list":[1,[2]],"list":null,"rows":7,"nextPageCursor":"c"},"time":1767225599000}`,
		`{"result":{"b\u0061lance":[{}],"subMembers":[]},"result":{"list":[1,]}}`, `{"retCode":"x","result":[]}`, `null`, `[]`, `{`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var whole envelope
		var apart twoSteps
		ours, theirs := open(body, &whole), read(body, &apart)
		if errors.As(theirs, new(*jsontext.SyntacticError)) {
			require.ErrorAs(t, ours, new(*jsontext.SyntacticError))
			return
		}
		require.Equal(t, message(theirs, "twoSteps"), message(ours, "envelope"))
		require.Equal(t, []byte(apart.result), whole.Result)
		var want listResult
		err := read(apart.result, &want)
		got, misfit := reply{result: whole.Result, listing: whole.Listing}.listed()
		require.Equal(t, want, got)
		require.Equal(t, err, misfit)
	})
}

// message is an error's, without the name of the type that it was read into.
func message(err error, into string) string {
	if err == nil {
		return ""
	}
	return strings.TrimSuffix(err.Error(), into)
}

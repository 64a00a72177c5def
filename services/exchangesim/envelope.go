package exchangesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// envelope is the frame of every answer.
type envelope struct {
	RetCode    int    `json:"retCode"`
	RetMsg     string `json:"retMsg"`
	Result     any    `json:"result"`
	RetExtInfo any    `json:"retExtInfo"`
	Time       int64  `json:"time"`
}

type empty struct{}

// The codes that this exchange answers, as documented.
const (
	codeParams      = 10001
	codeTimestamp   = 10002
	codeKey         = 10003
	codeSignature   = 10004
	codePermission  = 10005
	codeTooMany     = 10006
	codeIP          = 10010
	codeSystem      = 10016
	codeRoute       = 10017
	codeUnifiedOnly = 10028
	codeDemo        = 10032
	codeExpired     = 33004
	codeClassicOnly = 100028
	codeNoAccount   = 131203
	codeUpgrade     = 182200
	codeFinalStatus = 181017
)

// refusal is an answer other than success: a retCode in an envelope, or, with
// status set, a bare HTTP status with a body of its own.
type refusal struct {
	code    int
	message string
	status  int
	body    string
}

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code: code, message: fmt.Sprintf(format, args...)}
}

func badParam(format string, args ...any) *refusal {
	return refuse(codeParams, "params error: "+format, args...)
}

// bodyFor is what the exchange, or what stands before it, sends with a status.
func bodyFor(status int) string {
	switch status {
	case http.StatusForbidden:
		return "<html><body>403, access too frequent</body></html>"
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusTooManyRequests:
		return ""
	default:
		return fmt.Sprintf("<html><head><title>%d %s</title></head></html>", status, http.StatusText(status))
	}
}

func bare(status int) *refusal { return &refusal{status: status, body: bodyFor(status)} }

// result is how the refusal is counted in the statistics.
func (r *refusal) result() string {
	switch {
	case r == nil:
		return "ok"
	case r.status != 0:
		return "http " + strconv.Itoa(r.status)
	default:
		return strconv.Itoa(r.code)
	}
}

// encode marshals without escaping <, > and &, as the exchange does.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// Only strings, numbers and lists of them are ever encoded.
		panic(fmt.Sprintf("encoding an answer: %v", err))
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left is no error of ours
}

func writeRefusal(w http.ResponseWriter, r *refusal, at int64) {
	if r.status != 0 {
		kind := "text/html"
		if r.body == "" {
			kind = "application/json; charset=utf-8"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
		w.WriteHeader(r.status)
		_, _ = w.Write([]byte(r.body))
		return
	}
	writeJSON(w, http.StatusOK, encode(envelope{RetCode: r.code, RetMsg: r.message, Result: empty{}, RetExtInfo: empty{}, Time: at}))
}

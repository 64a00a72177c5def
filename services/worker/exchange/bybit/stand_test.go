package bybit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
)

const (
	testKey    = "testkey0001"
	testSecret = "testsecret-0001-abcdefghijklmnopqrst"
)

// fixtureTime is the envelope time of the fixtures.
var fixtureTime = time.UnixMilli(1767225600000).UTC()

// stand is a small exchange over real HTTP: it checks signature and timestamp
// of private requests as the documentation says, tells its clock, and answers
// the rest as the test sets it.
type stand struct {
	*httptest.Server
	mu       sync.Mutex
	ahead    time.Duration
	answers  map[endpoint]http.HandlerFunc
	requests []*http.Request
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{answers: map[endpoint]http.HandlerFunc{}}
	s.on(serverTime, func(w http.ResponseWriter, _ *http.Request) {
		now := s.now()
		_, _ = fmt.Fprintf(w, `{"retCode":0,"retMsg":"OK","result":{"timeSecond":"%d","timeNano":"%d"},"retExtInfo":{},"time":%d}`, now.Unix(), now.UnixNano(), now.UnixMilli())
	})
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *stand) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Clone(r.Context()))
	answer := s.answers[endpoint(r.URL.Path)]
	s.mu.Unlock()
	switch body, _ := io.ReadAll(r.Body); {
	case len(body) > 0:
		http.Error(w, "a GET with a body", http.StatusForbidden)
	case answer == nil:
		http.NotFound(w, r)
	case !endpoint(r.URL.Path).public() && s.rejects(w, r):
	default:
		answer(w, r)
	}
}

func (s *stand) rejects(w http.ResponseWriter, r *http.Request) bool {
	timestamp, window := r.Header.Get("X-BAPI-TIMESTAMP"), r.Header.Get("X-BAPI-RECV-WINDOW")
	text := timestamp + r.Header.Get("X-BAPI-API-KEY") + window + r.URL.RawQuery
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte(text))
	if hex.EncodeToString(mac.Sum(nil)) != r.Header.Get("X-BAPI-SIGN") {
		_, _ = fmt.Fprintf(w, `{"retCode":10004,"retMsg":"Error sign, origin_string[%s]","result":{},"retExtInfo":{},"time":%d}`, text, s.now().UnixMilli())
		return true
	}
	at, _ := strconv.ParseInt(timestamp, 10, 64)
	wide, _ := strconv.ParseInt(window, 10, 64)
	now := s.now().UnixMilli()
	if at < now-wide || at >= now+1000 {
		_, _ = fmt.Fprintf(w, `{"retCode":10002,"retMsg":"req_timestamp[%d],server_timestamp[%d],recv_window[%d]","result":{},"retExtInfo":{},"time":%d}`, at, now, wide, now)
		return true
	}
	return false
}

func (s *stand) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.ahead)
}

func (s *stand) setAhead(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead = d
}

func (s *stand) on(ep endpoint, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[ep] = answer
}

// asked lists the requests of an endpoint.
func (s *stand) asked(ep endpoint) []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var asked []*http.Request
	for _, r := range s.requests {
		if r.URL.Path == string(ep) {
			asked = append(asked, r)
		}
	}
	return asked
}

// hosts has the policies of the product, with retries that do not wait long.
func hosts(t *testing.T, budget exchange.Budget) *exchange.Hosts {
	t.Helper()
	policies := exchange.DefaultPolicies()
	policies.RetryDelay, policies.RetryMaxDelay = time.Millisecond, 5*time.Millisecond
	log := logrus.New()
	log.SetOutput(io.Discard)
	hosts, err := exchange.NewHosts(policies, budget, logrus.NewEntry(log))
	require.NoError(t, err)
	return hosts
}

func wideBudget(t *testing.T) *exchange.ProcessBudget {
	t.Helper()
	budget, err := exchange.NewProcessBudget(exchange.BudgetConfig{Rate: 100000, Burst: 10000, MaxWait: time.Second})
	require.NoError(t, err)
	return budget
}

func (s *stand) config(t *testing.T) Config {
	t.Helper()
	return Config{
		Target:      exchange.Target{Environment: "testnet", BaseURL: s.URL},
		Credentials: exchange.NewCredentials(testKey, []byte(testSecret)),
		Hosts:       hosts(t, wideBudget(t)),
	}
}

func (s *stand) client(t *testing.T, change ...func(*Config)) *Client {
	t.Helper()
	config := s.config(t)
	for _, c := range change {
		c(&config)
	}
	client, err := New(config)
	require.NoError(t, err)
	return client
}

func (s *stand) market(t *testing.T) *Market {
	t.Helper()
	market, err := NewMarket(s.config(t))
	require.NoError(t, err)
	return market
}

// fixture reads a file under testdata.
func fixture(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// always answers every request with the same body.
func always(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }
}

// list is a successful answer with these rows, at fixtureTime.
func list(cursor string, rows ...string) []byte { return named(orderHistory, cursor, rows...) }

// named calls the rows what the endpoint calls them.
func named(ep endpoint, cursor string, rows ...string) []byte {
	field := "list"
	if ep == depositRecords || ep == withdrawalRecords {
		field = "rows"
	}
	raw := make([]json.RawMessage, 0, len(rows))
	for _, row := range rows {
		raw = append(raw, json.RawMessage(row))
	}
	body, err := json.Marshal(map[string]any{
		"retCode": 0, "retMsg": "OK", "time": fixtureTime.UnixMilli(), "retExtInfo": map[string]any{},
		"result": map[string]any{field: raw, "nextPageCursor": cursor},
	})
	if err != nil {
		panic(err)
	}
	return body
}

// byCursor answers with the page that belongs to the request's cursor.
func byCursor(pages map[string][]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		page, known := pages[r.URL.Query().Get("cursor")]
		if !known {
			http.Error(w, "no such cursor", http.StatusBadRequest)
			return
		}
		_, _ = w.Write(page)
	}
}

// recorded is a fixture of testdata/http: a whole answer.
type recorded struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func replay(t *testing.T, name string) http.HandlerFunc {
	t.Helper()
	var r recorded
	require.NoError(t, json.Unmarshal(fixture(t, name), &r))
	return func(w http.ResponseWriter, _ *http.Request) {
		for key, value := range r.Headers {
			w.Header().Set(key, value)
		}
		w.WriteHeader(r.Status)
		_, _ = w.Write([]byte(r.Body))
	}
}

package exchangesimtest

import (
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Client is a plain signing client, written from the documentation and not from
// the stand-in, so that the two check each other.
type Client struct {
	URL, Key, Secret string
	// RSA signs instead of the secret if it is set.
	RSA *rsa.PrivateKey
	Now func() time.Time
}

// Response is an answer with its envelope taken apart. RetCode is -1 if the
// body was no envelope.
type Response struct {
	Status  int
	Header  http.Header
	Body    []byte
	RetCode int             `json:"retCode"`
	RetMsg  string          `json:"retMsg"`
	Result  json.RawMessage `json:"result"`
	Time    int64           `json:"time"`
}

// Request builds a signed GET; query is sent byte for byte.
func (c *Client) Request(ctx context.Context, t testing.TB, path, query string) *http.Request {
	t.Helper()
	target := c.URL + path
	if query != "" {
		target += "?" + query
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	require.NoError(t, err)
	c.Sign(req, c.Now().UnixMilli(), "5000")
	return req
}

// Sign sets the four headers.
func (c *Client) Sign(req *http.Request, timestamp int64, window string) {
	ts := strconv.FormatInt(timestamp, 10)
	origin := ts + c.Key + window + req.URL.RawQuery
	req.Header.Set("X-BAPI-API-KEY", c.Key)
	req.Header.Set("X-BAPI-TIMESTAMP", ts)
	if window != "" {
		req.Header.Set("X-BAPI-RECV-WINDOW", window)
	}
	req.Header.Set("X-BAPI-SIGN", c.signature(origin))
}

func (c *Client) signature(origin string) string {
	if c.RSA != nil {
		return signRSA(c.RSA, origin)
	}
	mac := hmac.New(sha256.New, []byte(c.Secret))
	mac.Write([]byte(origin))
	return hex.EncodeToString(mac.Sum(nil))
}

// Get sends a signed GET and reads the answer, whatever it is.
func (c *Client) Get(t testing.TB, path, query string) Response {
	t.Helper()
	return Do(t, c.Request(t.Context(), t, path, query))
}

// Do sends a request that must be answered.
func Do(t testing.TB, req *http.Request) Response {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	r := Response{RetCode: -1, Status: resp.StatusCode, Header: resp.Header, Body: body}
	if err := json.Unmarshal(body, &r); err != nil {
		r.RetCode = -1
	}
	return r
}

// List decodes result.list into rows of T and returns the next cursor.
func List[T any](t testing.TB, r Response) (rows []T, cursor string) {
	t.Helper()
	require.Equal(t, http.StatusOK, r.Status, string(r.Body))
	require.Zero(t, r.RetCode, string(r.Body))
	var page struct {
		List           []T    `json:"list"`
		NextPageCursor string `json:"nextPageCursor"`
	}
	require.NoError(t, json.Unmarshal(r.Result, &page))
	return page.List, page.NextPageCursor
}

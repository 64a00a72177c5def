package bybit

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

// The vectors were computed apart from this code, from the documented formula.
func TestSignatureKnownAnswers(t *testing.T) {
	t.Parallel()
	cases := []struct{ signed, want string }{
		{"", "0a4cfb0e14af5986231bc386b2a13bfc5b10cc28f6b95e589af47db9559b0ac7"},
		{"accountType=UNIFIED", "853fb1b4ba6a10311cb842837479340d2869a1ad9d208d8b48e8149308420663"},
		{"category=linear&limit=200&settleCoin=USDT", "dd6cbb57b622feac7fde1882eaf8196167f06a957d6229761bbf8f6e1600a6ff"},
		{"category=linear&cursor=page_token%253D39380%2526&limit=50", "9d1052dafd6d74e72b164c3d93405268b3c468314dbf5bcf6bd11e5e84b9747f"},
		{"accountType=FUND&coin=USDT%2CUSDC", "35490fba56424ff44ef25dea4e3d599638a7596b5aff1e515317c43f6198e28e"},
		{`{"category":"option"}`, "9abb5c2691e31e4b8c1b7b2b3f784512842fd1b43451c2caa38529703863a752"},
	}
	sign, err := newSigner([]byte(testSecret))
	require.NoError(t, err)
	s := &session{credentials: exchange.NewCredentials(testKey, []byte(testSecret)), sign: sign, recvWindow: 5 * time.Second}
	for _, c := range cases {
		header, err := s.signedHeaders(time.UnixMilli(1700000000000), c.signed)
		require.NoError(t, err)
		require.Equal(t, c.want, header.Get("X-BAPI-SIGN"), c.signed)
		require.Equal(t, testKey, header.Get("X-BAPI-API-KEY"))
		require.Equal(t, "1700000000000", header.Get("X-BAPI-TIMESTAMP"))
		require.Equal(t, "5000", header.Get("X-BAPI-RECV-WINDOW"))
	}
}

func TestEncodedQueriesAreThoseOfTheVectors(t *testing.T) {
	t.Parallel()
	require.Equal(t, "category=linear&cursor=page_token%253D39380%2526&limit=50",
		url.Values{"limit": {"50"}, "category": {"linear"}, "cursor": {"page_token%3D39380%26"}}.Encode())
	require.Equal(t, "accountType=FUND&coin=USDT%2CUSDC", url.Values{"coin": {"USDT,USDC"}, "accountType": {"FUND"}}.Encode())
}

// The stand signs the raw query as it came over the wire.
func TestGotcha6SignedIsSent(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(orderRealtime, always(list("")))
	client := stand.client(t)
	for _, value := range []string{"USDT,USDC", "page_token%3D39380%26", "a b+c", "ордер-№1", "100%", "x&y=z#?"} {
		_, fault := client.session.get(t.Context(), orderRealtime, url.Values{"category": {"spot"}, "v": {value}})
		require.Nil(t, fault, value)
	}
	require.Len(t, stand.asked(orderRealtime), 6)
	require.Equal(t, "page_token%3D39380%26", stand.asked(orderRealtime)[1].URL.Query().Get("v"), "the server gets back what we were given")
}

func TestRSAKeysSignWithRSA(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for kind, der := range map[string][]byte{"PRIVATE KEY": pkcs8, "RSA PRIVATE KEY": x509.MarshalPKCS1PrivateKey(key)} {
		sign, err := newSigner(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
		require.NoError(t, err)
		signed, err := sign("some text")
		require.NoError(t, err)
		raw, err := base64.StdEncoding.DecodeString(signed)
		require.NoError(t, err)
		digest := sha256.Sum256([]byte("some text"))
		require.NoError(t, rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], raw))
	}
}

func TestDamagedRSAKeysAreRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"-----BEGIN PRIVATE KEY-----\nTOPSECRET", "-----BEGIN PRIVATE KEY-----\nVE9QU0VDUkVU\n-----END PRIVATE KEY-----\n"} {
		_, err := newSigner([]byte(secret))
		require.ErrorContains(t, err, "PEM")
		require.NotContains(t, err.Error(), "TOPSECRET")
	}
}

// slowBudget makes everyone wait, and notes when it let him go.
type slowBudget struct {
	wait time.Duration
	mu   sync.Mutex
	last time.Time
}

func (b *slowBudget) Take(context.Context, exchange.Use) error {
	timer := time.NewTimer(b.wait)
	defer timer.Stop()
	<-timer.C
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = time.Now()
	return nil
}

func (b *slowBudget) Report(exchange.Use, *exchange.Error) {}

func TestGotcha27WaitingForTheBudgetDoesNotAgeTheTimestamp(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, always(fixture(t, "edge/wallet-balance.no-coins.json")))
	budget := &slowBudget{wait: 120 * time.Millisecond}
	client := stand.client(t, func(c *Config) { c.Hosts = hosts(t, budget) })
	require.Nil(t, client.Balances(t.Context(), unified).Err)
	stamp, err := strconv.ParseInt(stand.asked(walletBalance)[0].Header.Get("X-BAPI-TIMESTAMP"), 10, 64)
	require.NoError(t, err)
	offset, _ := client.Clock().Offset()
	require.GreaterOrEqual(t, stamp, budget.last.Add(offset).UnixMilli(), "the clock is read after the wait")
}

func TestOnlyPrivateEndpointsAreSigned(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, always(fixture(t, "edge/wallet-balance.no-coins.json")))
	require.Nil(t, stand.client(t).Balances(t.Context(), unified).Err)
	require.NotEmpty(t, stand.asked(serverTime))
	for _, r := range stand.asked(serverTime) {
		require.Empty(t, r.Header.Get("X-BAPI-API-KEY"))
	}
	require.Equal(t, http.MethodGet, stand.asked(walletBalance)[0].Method)
}

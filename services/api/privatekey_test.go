package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func rsaPEM(t *testing.T, bits int) (pkcs8, pkcs1, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	half, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	return block("PRIVATE KEY", der), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), block("PUBLIC KEY", half)
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// An RSA key has line breaks and thousands of characters; what the vault gives
// back is the key, line breaks and all.
func TestAnRSAKeyIsKeptAsItCame(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	pkcs8, pkcs1, _ := rsaPEM(t, 4096)
	for name, text := range map[string]string{
		"pkcs8": pkcs8, "pkcs1": pkcs1, "windows": strings.ReplaceAll(pkcs8, "\n", "\r\n"),
	} {
		request := addRequest(name)
		request.ApiSecret = text
		added, err := c.AddAccount(t.Context(), request)
		require.NoError(t, err)
		var sealed []byte
		const read = `SELECT sealed FROM alphapulse.account_credentials WHERE account_id = $1 AND version = 1`
		require.NoError(t, s.DB.QueryRow(t.Context(), read, added.GetAccount().GetId()).Scan(&sealed))
		opened, err := s.Opener.Open(added.GetAccount().GetId(), 1, sealed)
		require.NoError(t, err)
		require.Equal(t, strings.TrimSpace(text), opened.Secret.Reveal())
	}
	_, err := c.SetKey(t.Context(), &controlv1.SetKeyRequest{Name: "pkcs1", ApiKey: knownKey, ApiSecret: pkcs8})
	require.NoError(t, err)
}

func TestAPrivateKeyThatSignsNothingIsRefused(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	pkcs8, _, public := rsaPEM(t, 2048)
	weak, _, _ := rsaPEM(t, 1024)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(curve)
	require.NoError(t, err)
	for says, secret := range map[string]string{
		"not a private key":     public,
		"1024 bits only":        weak,
		"not of RSA":            block("PRIVATE KEY", der),
		"not one whole PEM":     pkcs8[:len(pkcs8)/2],
		"one whole PEM block":   pkcs8 + pkcs8,
		"cannot be read":        block("PRIVATE KEY", []byte("nonsense")),
		"behind a passphrase":   block("ENCRYPTED PRIVATE KEY", der),
		"longer than":           pkcs8 + strings.Repeat("x", 12<<10),
		"longer than 512":       strings.Repeat("x", 513),
		"a character that keys": "two\nlines",
	} {
		request := addRequest("main")
		request.ApiSecret = secret
		_, err := c.AddAccount(t.Context(), request)
		requireProblem(t, err, connect.CodeInvalidArgument, "key")
		require.Contains(t, message(err), says)
		require.NotContains(t, message(err), secret)
	}
	request := addRequest("main")
	request.ApiKey = pkcs8 // the wrong way round
	_, err = c.AddAccount(t.Context(), request)
	requireProblem(t, err, connect.CodeInvalidArgument, "key")
}

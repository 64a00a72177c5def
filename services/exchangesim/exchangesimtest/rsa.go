package exchangesimtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// NewRSAKey makes a key pair as a user would: the private half signs (see
// Client.RSA), the public one, in PEM, is registered with the exchange.
func NewRSAKey(t testing.TB) (private *rsa.PrivateKey, public string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return private, PublicPEM(t, &private.PublicKey)
}

// PublicPEM writes a public key as openssl does.
func PublicPEM(t testing.TB, key *rsa.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// PrivatePEM writes a private key as openssl does (PKCS #8).
func PrivatePEM(t testing.TB, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func signRSA(key *rsa.PrivateKey, origin string) string {
	digest := sha256.Sum256([]byte(origin))
	raw, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		// Only a key that is too short for the digest cannot sign.
		panic(fmt.Sprintf("signing with an RSA key: %v", err))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

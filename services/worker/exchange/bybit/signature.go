package bybit

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/http"
	"strconv"
	"time"
)

const signatureHeader = "X-BAPI-SIGN"

// signer gives the signature of a string.
type signer func(text string) (string, error)

// newSigner chooses by the secret: the exchange's own secrets sign with
// HMAC-SHA256 in hex, and a private key in PEM, whose public half the user has
// registered, with RSA PKCS #1 v1.5 over SHA-256 in base64.
func newSigner(secret []byte) (signer, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(secret), []byte("-----BEGIN")) {
		return hmacSigner(secret), nil
	}
	key, err := rsaKey(secret)
	if err != nil {
		return nil, err
	}
	return rsaSigner(key), nil
}

func hmacSigner(secret []byte) signer {
	return func(text string) (string, error) {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		return hex.EncodeToString(mac.Sum(nil)), nil
	}
}

func rsaSigner(key *rsa.PrivateKey) signer {
	return func(text string) (string, error) {
		digest := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		return base64.StdEncoding.EncodeToString(signature), err
	}
}

// rsaKey reads PKCS #8 or PKCS #1. Its errors say nothing of the content.
func rsaKey(secret []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(bytes.TrimSpace(secret))
	if block == nil {
		return nil, errors.New("bybit account: the secret looks like a PEM file but holds no complete block; give the whole file")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if key, ok := parsed.(*rsa.PrivateKey); err == nil && ok {
		return key, nil
	}
	return nil, errors.New("bybit account: the secret is a PEM file but not an RSA private key without a passphrase")
}

// signedHeaders authenticate a GET whose query is exactly the text given. The
// string that is signed is timestamp, key, receive window and query, joined
// without a separator.
func (s *session) signedHeaders(at time.Time, query string) (http.Header, error) {
	timestamp := strconv.FormatInt(at.UnixMilli(), 10)
	window := strconv.FormatInt(s.recvWindow.Milliseconds(), 10)
	key := s.credentials.Key()
	signature, err := s.sign(timestamp + key + window + query)
	if err != nil {
		return nil, errors.New("the private key cannot sign; it is too short or damaged")
	}
	header := http.Header{}
	header.Set("X-BAPI-API-KEY", key)
	header.Set("X-BAPI-TIMESTAMP", timestamp)
	header.Set("X-BAPI-RECV-WINDOW", window)
	header.Set(signatureHeader, signature)
	return header, nil
}

package api

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	pemBegin   = "-----BEGIN"
	maxPEM     = 12 << 10 // an RSA key of 16,384 bits
	minRSABits = 2048
)

// checkPrivateKey checks a secret that is an RSA private key in PEM, without
// repeating it: a key that signs nothing shows here, and not as a refusal by the
// exchange. It is kept as it came, but for space around it.
func checkPrivateKey(what, text string) (vault.Secret, error) {
	text = strings.TrimSpace(text)
	refuse := func(next, problem string) (vault.Secret, error) {
		return vault.Secret{}, badRequest("key", next, fmt.Errorf("the %s %s", what, problem))
	}
	const wanted = "give the private key of the pair whose public half the exchange has"
	if len(text) > maxPEM {
		return refuse(wanted, fmt.Sprintf("is longer than %d characters", maxPEM))
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || strings.TrimSpace(string(rest)) != "" {
		return refuse("copy the whole file, from its BEGIN line to its END line", "is not one whole PEM block")
	}
	defer clear(block.Bytes)
	if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
		return refuse("decrypt it first: openssl pkey -in FILE -out FILE", "is a private key behind a passphrase")
	}
	if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return refuse(wanted, "is a "+strings.ToLower(printable(block.Type))+", not a private key")
	}
	key, err := rsaKey(block)
	switch {
	case err != nil:
		return refuse(wanted, err.Error())
	case key.N.BitLen() < minRSABits:
		return refuse("make a key of at least 2048 bits", fmt.Sprintf("is an RSA key of %d bits only", key.N.BitLen()))
	}
	return vault.NewSecret(text), nil
}

// rsaKey reads PKCS #8 or PKCS #1. Its errors say nothing of the content.
func rsaKey(block *pem.Block) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("is a private key that cannot be read")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("is a private key, but not of RSA")
	}
	return key, nil
}

// printable keeps what a type of PEM block consists of.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, text)
}

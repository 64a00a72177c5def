package exchangesim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// leastRSABits is the shortest key that the exchange takes.
const leastRSABits = 2048

// rsaKey is the public half of an account's key: whoever has the other half
// signs with RSASSA-PKCS1-v1_5 over SHA-256, in base64.
type rsaKey struct {
	public *rsa.PublicKey
	pem    string
}

// parseRSAKey reads PEM with a PKIX ("PUBLIC KEY") or PKCS #1 ("RSA PUBLIC
// KEY") block.
func parseRSAKey(text string) (*rsaKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("a public key is PEM text with a block PUBLIC KEY; make one with openssl rsa -pubout")
	}
	public, err := x509.ParsePKCS1PublicKey(block.Bytes)
	if err != nil {
		parsed, _ := x509.ParsePKIXPublicKey(block.Bytes)
		given, ok := parsed.(*rsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("the PEM block %q holds no RSA public key", block.Type)
		}
		public = given
	}
	if public.N.BitLen() < leastRSABits {
		return nil, fmt.Errorf("an RSA key must have at least %d bits, not %d", leastRSABits, public.N.BitLen())
	}
	return &rsaKey{public: public, pem: text}, nil
}

// verify checks a signature as it is sent.
func (k *rsaKey) verify(origin, sign string) bool {
	raw, err := base64.StdEncoding.DecodeString(sign)
	digest := sha256.Sum256([]byte(origin))
	return err == nil && rsa.VerifyPKCS1v15(k.public, crypto.SHA256, digest[:], raw) == nil
}

// text is what query-api shows of it: "" for a key without one.
func (k *rsaKey) text() string {
	if k == nil {
		return ""
	}
	return k.pem
}

// SetRSAKey registers the public key, in PEM, with which the account's
// signatures are checked from now on; its HMAC secret no longer signs. An empty
// text goes back to the secret.
func (x *Exchange) SetRSAKey(uid, publicKey string) (time.Time, error) {
	var key *rsaKey
	if publicKey != "" {
		parsed, err := parseRSAKey(publicKey)
		if err != nil {
			return time.Time{}, wrap("registering an RSA key", err)
		}
		key = parsed
	}
	at, err := x.updateProfile(uid, func(p *profile) error { p.rsa = key; return nil })
	return at, wrap("registering an RSA key", err)
}

func parseRSAKeys(cfg Config) (map[int]*rsaKey, error) {
	keys := map[int]*rsaKey{}
	var errs []error
	for _, index := range slices.Sorted(maps.Keys(cfg.RSAKeys)) {
		key, err := parseRSAKey(cfg.RSAKeys[index])
		if index < 0 || index >= cfg.Accounts {
			err = fmt.Errorf("there is no such account among %d", cfg.Accounts)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("RSA key of account %d: %w", index, err))
		}
		keys[index] = key
	}
	return keys, errors.Join(errs...)
}

package pgserver

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

const (
	scramIterations = 4096 // what the server itself takes
	scramSalt       = 16   // bytes
	passwordSize    = 24   // bytes
)

// NewPassword is a password that nobody guesses, of characters that need no
// quoting anywhere.
func NewPassword() string {
	random := make([]byte, passwordSize)
	_, _ = rand.Read(random) // it never fails: without randomness the process ends
	return hex.EncodeToString(random)
}

// Verifier is what a server keeps of a password (scram-sha-256), for ALTER ROLE …
// PASSWORD: with it the password is in no statement that a server could log. The
// password must be ASCII.
func Verifier(password string) (string, error) {
	salt := make([]byte, scramSalt)
	_, _ = rand.Read(salt)
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramIterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("deriving the verifier of a password: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	text := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramIterations, text(salt), text(stored[:]), text(mac(salted, "Server Key"))), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

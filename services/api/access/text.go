package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/alphapulse/alphapulse/shared/vault"
)

// textPrefix begins the text of every token: ap_<id>_<64 hex digits>. It tells
// people, and those who look for leaked secrets, what it is.
const textPrefix = "ap_"

const secretSize = 32

// newSecret is the secret half of a token.
func newSecret() string {
	random := make([]byte, secretSize)
	_, _ = rand.Read(random) // it never fails: without randomness the process ends
	return hex.EncodeToString(random)
}

func textOf(id int64, secret string) vault.Secret {
	return vault.NewSecret(textPrefix + strconv.FormatInt(id, 10) + "_" + secret)
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// IsToken reports whether a text claims to be a token of the table.
func IsToken(text string) bool { return strings.HasPrefix(text, textPrefix) }

// split takes a token's text apart.
func split(text string) (id int64, secret string, ok bool) {
	number, secret, found := strings.Cut(strings.TrimPrefix(text, textPrefix), "_")
	id, err := strconv.ParseInt(number, 10, 64)
	return id, secret, found && err == nil && IsToken(text) && len(secret) == 2*secretSize
}

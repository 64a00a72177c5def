package bybit

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// entryID makes an id from the fields that tell a row apart, as they were sent.
// It is the first half of a SHA-256: two of a billion rows share one with a
// chance of one in 10^20. The length before each field keeps "a", "bc" apart
// from "ab", "c". Stored ids depend on this function: it never changes.
func entryID(fields ...text) string {
	hash := sha256.New()
	for _, field := range fields {
		hash.Write([]byte(strconv.Itoa(len(field)) + ":" + string(field)))
	}
	return hex.EncodeToString(hash.Sum(nil)[:sha256.Size/2])
}

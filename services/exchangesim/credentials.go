package exchangesim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

const (
	keyLength    = 18
	secretLength = 36
	indexDigits  = 7 // base 36, holds 32 bits
)

// Credentials gives the first API key, its secret and the UID of account index
// (counted from 0) of the world with that seed. They are as public as the
// seed: use them with this stand-in only.
func Credentials(seed int64, index int) (key, secret, uid string) {
	key, secret = keyPair(seed, index, 0)
	return key, secret, uidOf(seed, index)
}

// keyPair gives the key of a generation; each rotation is one generation on.
// A key begins with its account's index, so that it is found without a table.
func keyPair(s int64, index, generation int) (key, secret string) {
	head := strconv.FormatUint(uint64(uint32(index)^indexMask(s)), 36)
	head = strings.Repeat("0", indexDigits-len(head)) + head
	key = head + derive(s, "key", index, generation, keyLength-indexDigits)
	return key, derive(s, "secret", index, generation, secretLength)
}

// indexOfKey gives the account that a key claims to belong to. Whether the key
// is genuine is for the caller to find out, by deriving it again.
func indexOfKey(s int64, key string) (int, bool) {
	if len(key) != keyLength {
		return 0, false
	}
	head, err := strconv.ParseUint(key[:indexDigits], 36, 32)
	if err != nil {
		return 0, false
	}
	return int(uint32(head) ^ indexMask(s)), true
}

func indexMask(s int64) uint32 { return uint32(seed(s).named("key index")) }

func uidOf(s int64, index int) string { return strconv.FormatInt(firstUID(s)+int64(index), 10) }

func firstUID(s int64) int64 { return seed(s).named("uid").between(20_000_000, 80_000_000) }

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// derive gives length base-62 characters from HMAC-SHA256 blocks.
func derive(s int64, purpose string, index, generation, length int) string {
	mac := hmac.New(sha256.New, binary.BigEndian.AppendUint64(nil, uint64(s)))
	out := make([]byte, 0, length)
	for block := byte(0); len(out) < length; block++ {
		mac.Reset()
		mac.Write(binary.BigEndian.AppendUint64([]byte(purpose), uint64(index)))
		mac.Write(binary.BigEndian.AppendUint64([]byte{block}, uint64(generation)))
		for _, b := range mac.Sum(nil) {
			if len(out) < length {
				out = append(out, base62[int(b)%len(base62)])
			}
		}
	}
	return string(out)
}

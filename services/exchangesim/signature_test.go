package exchangesim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSignatureVectors uses known answers that were computed apart from this
// code, with other clients' bytes checked against them.
func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		"":                    "0a4cfb0e14af5986231bc386b2a13bfc5b10cc28f6b95e589af47db9559b0ac7",
		"accountType=UNIFIED": "853fb1b4ba6a10311cb842837479340d2869a1ad9d208d8b48e8149308420663",
		"category=linear&limit=200&settleCoin=USDT":                 "dd6cbb57b622feac7fde1882eaf8196167f06a957d6229761bbf8f6e1600a6ff",
		"category=linear&cursor=page_token%253D39380%2526&limit=50": "9d1052dafd6d74e72b164c3d93405268b3c468314dbf5bcf6bd11e5e84b9747f",
		"accountType=FUND&coin=USDT%2CUSDC":                         "35490fba56424ff44ef25dea4e3d599638a7596b5aff1e515317c43f6198e28e",
		`{"category":"option"}`:                                     "9abb5c2691e31e4b8c1b7b2b3f784512842fd1b43451c2caa38529703863a752",
	} {
		got := signature("testsecret-0001-abcdefghijklmnopqrst", "1700000000000"+"testkey0001"+"5000"+payload)
		require.Equal(t, want, got, payload)
	}
}

package exchangesim_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func TestRSAKeysSign(t *testing.T) {
	t.Parallel()
	private, public := exchangesimtest.NewRSAKey(t)
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	body, err := json.Marshal(map[string]string{"public_key": public})
	require.NoError(t, err)
	change(t, s, s.UID(0), "rsa-key", string(body))
	require.Equal(t, 10004, c.Get(t, infoPath, "").RetCode, "the secret no longer signs")
	c.RSA = private
	require.Zero(t, c.Get(t, walletPath, "accountType=UNIFIED&coin=USDT%2CUSDC").RetCode)
	var info exchangesim.KeyInfo
	require.NoError(t, json.Unmarshal(c.Get(t, keyPath, "").Result, &info))
	require.Equal(t, public, info.RSAPublicKey)
	_, answer := admin(t, s, http.MethodGet, "/admin/accounts/"+s.UID(0)+"/credentials", "")
	require.Equal(t, [2]any{true, ""}, [2]any{answer["rsa"], answer["secret"]})

	other := s.Client(0)
	other.RSA, _ = exchangesimtest.NewRSAKey(t)
	require.Equal(t, 10004, other.Get(t, infoPath, "").RetCode, "another's private key")
	req := c.Request(t.Context(), t, infoPath, "")
	req.Header.Set("X-BAPI-SIGN", "not base64")
	require.Equal(t, 10004, exchangesimtest.Do(t, req).RetCode)
	require.Zero(t, s.Client(1).Get(t, infoPath, "").RetCode, "other accounts keep their secrets")

	change(t, s, s.UID(0), "rsa-key", `{}`)
	require.Zero(t, s.Client(0).Get(t, infoPath, "").RetCode, "and back")
	_, err = s.SetRSAKey(s.UID(0), public)
	require.NoError(t, err)
	key, secret, _, err := s.RotateKey(s.UID(0))
	require.NoError(t, err)
	rotated := &exchangesimtest.Client{URL: s.URL, Key: key, Secret: secret, Now: c.Now}
	require.Zero(t, rotated.Get(t, infoPath, "").RetCode, "a new key has a secret")
}

func TestRSAKeysOfTheConfiguration(t *testing.T) {
	t.Parallel()
	private, public := exchangesimtest.NewRSAKey(t)
	s, _ := still(t, exchangesim.Config{RSAKeys: map[int]string{1: public}})
	c := s.Client(1)
	c.RSA = private
	require.Zero(t, c.Get(t, infoPath, "").RetCode)
	_, err := exchangesim.New(exchangesim.Config{Accounts: 2, RSAKeys: map[int]string{0: "nonsense", 2: public}})
	require.ErrorContains(t, err, "RSA key of account 0: a public key is PEM")
	require.ErrorContains(t, err, "RSA key of account 2: there is no such account")
}

func TestPublicKeysAreChecked(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	_, public := exchangesimtest.NewRSAKey(t)
	for _, bad := range []string{
		"nonsense", strings.ReplaceAll(public, "M", "N"), exchangesimtest.PublicPEM(t, &short.PublicKey),
	} {
		_, err := s.SetRSAKey(s.UID(0), bad)
		require.ErrorContains(t, err, "registering an RSA key")
	}
	require.Zero(t, s.Client(0).Get(t, infoPath, "").RetCode, "nothing has changed")
}

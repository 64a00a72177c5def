package api

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// checkRefusal is what every refusal of input keeps to: an invalid argument with
// its class and reason, in a text that can be sent.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var told *connect.Error
	require.ErrorAs(t, err, &told)
	require.Equal(t, connect.CodeInvalidArgument, told.Code())
	require.NotEmpty(t, told.Message())
	require.Len(t, told.Details(), 1)
	value, valueErr := told.Details()[0].Value()
	require.NoError(t, valueErr)
	p, ok := value.(*controlv1.Problem)
	require.True(t, ok)
	require.Equal(t, classBadRequest, p.GetClass())
	require.NotEmpty(t, p.GetReason())
}

func FuzzNames(f *testing.F) {
	for _, text := range []string{"main", "a.b_c-1", "", ".hidden", "-rf", "a/b", "a b", "a\n", "ä", "\x00", "\xff", strings.Repeat("x", 65)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := checkName(text); err != nil {
			checkRefusal(t, err)
		} else {
			require.Equal(t, text, url.PathEscape(text))
			require.Equal(t, text, path.Base(text))
			require.NotContains(t, ".-_", text[:1])
			require.LessOrEqual(t, len(text), maxName)
		}
		if err := checkReason(text); err != nil {
			checkRefusal(t, err)
		} else {
			require.True(t, utf8.ValidString(text))
			require.NotContains(t, text, "\x00", "Postgres cannot store it")
		}
	})
}

func FuzzBaseURL(f *testing.F) {
	for _, text := range []string{
		"https://api.bybit.com", "HTTPS://API.Bybit.com:443/", "http://127.0.0.1:8080/x/", "http://[::1]:80", "https://[fe80::1%25eth0]/",
		"https://u:p@host", "https://host?x", "https://host#", "ftp://host", "//host", "https://", "https://host/%zz", " https://a ",
		"http://localhost", "https://host:99999", "https://ho st", "https://host/\x00", "https://host/%00", "https://xn--bcher-kva.example",
		"https://host/a//", "https://host/a/../b", "https://host:", "https://HOST./", "opaque:https://host",
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, given string, standIn bool) {
		normal, err := normalURL(given, standIn)
		if err != nil {
			require.NotEmpty(t, err.Error())
			checkRefusal(t, badRequest("base_url", "", err))
			return
		}
		again, err := normalURL(normal, standIn)
		require.NoError(t, err, "%q", normal)
		require.Equal(t, normal, again, "two spellings would be two markets")
		u, err := url.Parse(normal)
		require.NoError(t, err)
		require.True(t, u.User == nil && u.RawQuery == "" && u.Fragment == "" && u.Hostname() != "")
		require.True(t, u.Scheme == "https" || u.Scheme == "http" && (standIn || isLoopback(u.Hostname())))
		require.False(t, strings.HasSuffix(normal, "/"))
		require.True(t, utf8.ValidString(normal), "%q", normal)
		require.NotContains(t, normal, "\x00")
	})
}

// A credential is taken as it is or refused, and no refusal repeats it.
func FuzzCredentials(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, minRSABits)
	require.NoError(f, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(f, err)
	whole := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	old := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	locked := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}))
	for _, secret := range []string{
		whole, old, locked, whole + whole, "\n" + whole + "\n", whole[:len(whole)/2], strings.Replace(whole, "A", "B", 1),
		"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "-----BEGIN", "abcdefghijkl", "with space", "", "\x00", "ä",
	} {
		f.Add("KEY0123456789", secret)
		f.Add(secret, "SECRET0123456789")
	}
	f.Fuzz(func(t *testing.T, key, secret string) {
		taken, err := checkCredentials(key, secret)
		if err != nil {
			checkRefusal(t, err)
			for _, half := range []string{key, secret} {
				if len(half) >= 12 {
					require.NotContains(t, err.Error(), half, "it repeats what must stay secret")
				}
			}
			return
		}
		require.Equal(t, key, taken.Key.Reveal())
		require.Equal(t, strings.TrimSpace(secret), taken.Secret.Reveal())
		require.NotContains(t, taken.Key.Reveal()+strings.ReplaceAll(taken.Secret.Reveal(), "\n", ""), "\x00")
	})
}

func FuzzTypes(f *testing.F) {
	for _, text := range []string{"all", "balances", "balances,orders", "balances,balances", "probe", "", ",", "Balances", "all,x", "fills\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, check := range map[string]func([]string) ([]syncjob.DataType, error){
			"types": checkTypes, "histories": checkHistories, "verifiable": checkVerifiable,
		} {
			types, err := check(strings.Split(text, ","))
			if err != nil {
				checkRefusal(t, err)
				continue
			}
			require.NotEmpty(t, types, name)
			again, err := check(strings.Split(syncjob.JoinTypes(types), ","))
			require.NoError(t, err, name)
			require.Equal(t, types, again, name)
			for _, one := range types {
				require.Contains(t, syncjob.Requestable(), one, name)
			}
		}
	})
}

func FuzzPageToken(f *testing.F) {
	good := page{At: time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC), Seen: []string{"a", "b"}}
	for _, token := range []string{good.token(), page{}.token(), "", "x", "bnVsbA", good.token() + "=", strings.Repeat("A", 1000)} {
		f.Add(token, int32(10))
		f.Add(token, int32(-1))
	}
	f.Fuzz(func(t *testing.T, token string, size int32) {
		p, err := readPage(&controlv1.ListRunsRequest{PageToken: token, PageSize: size})
		if err != nil {
			checkRefusal(t, err)
			return
		}
		require.True(t, p.size >= 1 && p.size <= maxPage)
		if token == "" {
			return
		}
		again, err := readPage(&controlv1.ListRunsRequest{PageToken: p.token(), PageSize: size})
		if err != nil { // what it names in other words may be too long to be named again
			require.Greater(t, len(p.token()), maxToken)
			return
		}
		require.True(t, p.At.Equal(again.At))
		require.ElementsMatch(t, p.Seen, again.Seen)
	})
}

func FuzzSpan(f *testing.F) {
	f.Add(int64(1), int32(0), int64(2), int32(0))
	f.Add(int64(2), int32(0), int64(1), int32(999999999))
	f.Add(int64(-62135596800), int32(0), int64(253402300799), int32(999999999))
	f.Add(int64(1)<<62, int32(-1), int64(-1)<<62, int32(1<<30))
	f.Fuzz(func(t *testing.T, s int64, sn int32, u int64, un int32) {
		since, until := &timestamppb.Timestamp{Seconds: s, Nanos: sn}, &timestamppb.Timestamp{Seconds: u, Nanos: un}
		from, to, err := checkSpan(since, until)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		require.True(t, from.IsZero() || to.IsZero() || from.Before(to))
		require.True(t, from.Equal(since.AsTime()) && to.Equal(until.AsTime()))
	})
}

package vault_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/davecgh/go-spew/spew"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/vault"
)

const hidden = "Tr0ub4dor-hidden"

// outer hides a secret behind an unexported field, where fmt cannot call its
// methods and prints by reflection.
type outer struct {
	Name  string
	open  vault.Secret
	inner *inner
	list  []vault.Secret
	table map[string]vault.Secret
	creds vault.Credentials
}

type inner struct{ secret vault.Secret }

func newOuter() outer {
	secret := vault.NewSecret(hidden)

	return outer{
		Name: "visible", open: secret, inner: &inner{secret}, list: []vault.Secret{secret},
		table: map[string]vault.Secret{"k": secret}, creds: vault.Credentials{Key: secret, Secret: secret},
	}
}

// requireHidden fails where printed holds the secret as text, as hexadecimal
// digits or as a list of its bytes in decimal.
func requireHidden(t *testing.T, printed string) {
	t.Helper()

	decimal := strings.Trim(fmt.Sprint([]byte(hidden)), "[]")
	for _, form := range []string{
		hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden), decimal,
		"0x54, 0x72, 0x30", hidden[:6],
	} {
		require.NotContains(t, printed, form)
	}
}

func TestSecretPrintsRedacted(t *testing.T) {
	t.Parallel()

	secret := vault.NewSecret(hidden)

	for _, verb := range []string{
		"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%c", "%U", "%10v", "%-4s", "%!", "%t",
	} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()

			if verb != "%!" {
				require.Equal(t, "[redacted]", fmt.Sprintf(verb, secret))
				require.Equal(t, "[redacted]", fmt.Sprintf(verb, &secret))
			}

			requireHidden(t, fmt.Sprintf(verb, secret))
			requireHidden(t, fmt.Sprintf(verb, newOuter()))
			requireHidden(t, fmt.Sprintf(verb, []any{newOuter(), &secret, []vault.Secret{secret}}))
		})
	}

	require.Equal(t, "[redacted]", secret.String())
	require.Equal(t, "[redacted]", secret.GoString())
	require.Equal(t, "[redacted]", fmt.Sprint(vault.Secret{}), "an empty secret must not show that it is empty")
}

func TestSecretMarshalsRedacted(t *testing.T) {
	t.Parallel()

	secret := vault.NewSecret(hidden)
	pair := vault.Credentials{Key: secret, Secret: secret}

	asJSON, err := json.Marshal(map[string]any{"pair": pair, "list": []vault.Secret{secret}})
	require.NoError(t, err)
	require.JSONEq(t, `{"pair":{"Key":"[redacted]","Secret":"[redacted]"},"list":["[redacted]"]}`, string(asJSON))

	asXML, err := xml.Marshal(pair)
	require.NoError(t, err)
	require.Equal(t, "<Credentials><Key>[redacted]</Key><Secret>[redacted]</Secret></Credentials>", string(asXML))

	asText, err := secret.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "[redacted]", string(asText))
}

func TestSecretLogsRedacted(t *testing.T) {
	t.Parallel()

	secret := vault.NewSecret(hidden)

	for name, formatter := range map[string]logrus.Formatter{
		"json": &logrus.JSONFormatter{}, "text": &logrus.TextFormatter{},
	} {
		t.Run("logrus/"+name, func(t *testing.T) {
			t.Parallel()

			var out bytes.Buffer

			log := logrus.New()
			log.SetOutput(&out)
			log.SetFormatter(formatter)
			log.WithFields(logrus.Fields{"secret": secret, "pointer": &secret, "outer": newOuter()}).
				WithError(fmt.Errorf("with %v", secret)).Error(secret)

			require.Contains(t, out.String(), "[redacted]")
			requireHidden(t, out.String())
		})
	}

	var out bytes.Buffer

	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "secret", secret, "outer", newOuter())
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "secret", secret, "outer", newOuter())
	require.Contains(t, out.String(), "[redacted]")
	requireHidden(t, out.String())
}

// A printer that ignores methods and follows pointers, as the diffs of test
// failures do, finds nothing either.
func TestSecretIsOutOfReachOfReflection(t *testing.T) {
	t.Parallel()

	dumper := spew.ConfigState{DisableMethods: true, DisablePointerMethods: true, Indent: " "}
	requireHidden(t, dumper.Sdump(newOuter(), vault.NewSecret(hidden)))
}

func TestSecretReveals(t *testing.T) {
	t.Parallel()

	secret := vault.NewSecret(hidden)
	require.Equal(t, hidden, secret.Reveal())
	require.False(t, secret.IsEmpty())
	require.Empty(t, vault.Secret{}.Reveal())
	require.True(t, vault.Secret{}.IsEmpty())
	require.True(t, secret.Equal(vault.NewSecret(hidden)))
	require.False(t, secret.Equal(vault.NewSecret("other")))
	require.True(t, vault.Secret{}.Equal(vault.NewSecret("")))
}

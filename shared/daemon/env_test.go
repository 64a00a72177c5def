package daemon_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

func TestEnvReads(t *testing.T) {
	t.Parallel()

	env := daemon.NewEnv([]string{
		"A=text with = in it", "EMPTY=", "D=2m30s", "I=8", "B=true", "=C:=windows", "broken",
	})

	require.Equal(t, "text with = in it", env.Get("A", "x"))
	require.Equal(t, "fallback", env.Get("EMPTY", "fallback"))
	require.Equal(t, "fallback", env.Get("ABSENT", "fallback"))
	require.Equal(t, 150*time.Second, env.Duration("D", time.Second))
	require.Equal(t, time.Second, env.Duration("ABSENT", time.Second))
	require.Equal(t, 8, env.Int("I", 1, 1, 8))
	require.Equal(t, 1, env.Int("ABSENT", 1, 1, 8))
	require.True(t, env.Bool("B", false))
	require.True(t, env.Bool("ABSENT", true))
	require.Equal(t, "text with = in it", env.Required("A", "hint"))
	require.NoError(t, env.Err())

	value, ok := env.Lookup("EMPTY")
	require.False(t, ok)
	require.Empty(t, value)
}

func TestEnvNamesAllMistakesAtOnce(t *testing.T) {
	t.Parallel()

	env := daemon.NewEnv([]string{"D=soon", "N=-1s", "I=9", "J=x", "B=maybe", "ALPHAPULSE_TOKN=x"})
	require.Equal(t, time.Second, env.Duration("D", time.Second))
	env.Duration("N", 0)
	env.Int("I", 1, 1, 8)
	env.Int("J", 1, 1, 8)
	env.Bool("B", false)
	env.Required("URL", "the address of the database")
	env.RequiredSecret("ALPHAPULSE_TOKEN", "a token of your choice")
	env.Check(nil)
	env.Check(errBroken)
	env.UnknownSettings("ALPHAPULSE_")

	var wrong *daemon.SettingsError
	require.ErrorAs(t, env.Err(), &wrong)
	require.Equal(t, []string{
		`D is "soon": want a duration such as 15s or 2m30s`,
		`N is "-1s": want a duration such as 15s or 2m30s`,
		`I is "9": want a whole number from 1 to 8`,
		`J is "x": want a whole number from 1 to 8`,
		`B is "maybe": want true or false`,
		`URL is not set: the address of the database`,
		`ALPHAPULSE_TOKEN is not set, nor is ALPHAPULSE_TOKEN_FILE: a token of your choice`,
		`broken`,
		`ALPHAPULSE_TOKN is not a setting; did you mean ALPHAPULSE_TOKEN?`,
	}, wrong.Mistakes)
	require.ErrorContains(t, env.Err(), "9 wrong settings:\n  - D is")
	require.Equal(t, 2, daemon.ExitCode(env.Err()))
}

// Mistakes that were found together are listed one by one, with their words.
func TestJoinedMistakesAreSeveral(t *testing.T) {
	t.Parallel()

	env := daemon.NewEnv(nil)
	worded := fmt.Errorf("%w: because %w", errors.New("c"), errors.New("d"))
	env.Check(errors.Join(errors.New("a"), errors.Join(errors.New("b"), worded)))

	var wrong *daemon.SettingsError
	require.ErrorAs(t, env.Err(), &wrong)
	require.Equal(t, []string{"a", "b", "c: because d"}, wrong.Mistakes)
}

func TestOneMistakeIsOneLine(t *testing.T) {
	t.Parallel()

	env := daemon.NewEnv(nil)
	env.Mistake("%s is wrong", "A")
	require.EqualError(t, env.Err(), "wrong setting: A is wrong")
}

func TestGetSecret(t *testing.T) {
	t.Parallel()

	const value = "s3cr3t-v4lu3"

	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))

		return path
	}

	for name, test := range map[string]struct {
		environ []string
		want    string
		says    string
	}{
		"from the variable":          {[]string{"S=" + value}, value, ""},
		"from a file":                {[]string{"S_FILE=" + write("plain", value)}, value, ""},
		"from a file, line end":      {[]string{"S_FILE=" + write("line", value+"\n")}, value, ""},
		"from a file, CR LF":         {[]string{"S_FILE=" + write("crlf", value+"\r\n")}, value, ""},
		"from a file, blanks stay":   {[]string{"S_FILE=" + write("blank", " "+value+" \n")}, " " + value + " ", ""},
		"file, and an empty value":   {[]string{"S=", "S_FILE=" + write("other", value)}, value, ""},
		"neither":                    {nil, "", ""},
		"both":                       {[]string{"S=" + value, "S_FILE=" + write("both", value)}, "", "S and S_FILE are both set"},
		"a file that is not there":   {[]string{"S_FILE=" + dir + "/none"}, "", dir + "/none"},
		"a directory":                {[]string{"S_FILE=" + dir}, "", "is a directory"},
		"an empty file":              {[]string{"S_FILE=" + write("empty", "\n")}, "", "is empty"},
		"a file that is far too big": {[]string{"S_FILE=" + write("big", strings.Repeat(value, 10_000))}, "", "larger than 64 KiB"},
		"a file with a NUL":          {[]string{"S_FILE=" + write("nul", value+"\x00")}, "", "NUL byte"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			env := daemon.NewEnv(test.environ)
			require.Equal(t, test.want, env.GetSecret("S"))

			if test.says == "" {
				require.NoError(t, env.Err())

				return
			}

			require.ErrorContains(t, env.Err(), test.says)
			require.ErrorContains(t, env.Err(), "S_FILE")
			require.NotContains(t, env.Err().Error(), value)
		})
	}
}

func TestRequiredSecretNamesOneMistake(t *testing.T) {
	t.Parallel()

	env := daemon.NewEnv([]string{"S_FILE=/nowhere/at/all"})
	env.RequiredSecret("S", "hint")

	var wrong *daemon.SettingsError
	require.ErrorAs(t, env.Err(), &wrong)
	require.Len(t, wrong.Mistakes, 1, "the file is missing; that the secret is not set follows from it")
}

func TestUnknownSettings(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		environ []string
		says    []string
	}{
		"all known":            {[]string{"ALPHAPULSE_API=a", "ALPHAPULSE_TOKEN_FILE=b", "HOME=c", "ALPHAPULSE_EGRESS=d"}, nil},
		"another prefix":       {[]string{"ALPHABET=x", "DATABASE_UR=x"}, nil},
		"empty":                {[]string{"ALPHAPULSE_TOKN="}, []string{"ALPHAPULSE_TOKN is not a setting; did you mean ALPHAPULSE_TOKEN?"}},
		"a letter too many":    {[]string{"ALPHAPULSE_EGRESSS=x"}, []string{"ALPHAPULSE_EGRESSS is not a setting; did you mean ALPHAPULSE_EGRESS?"}},
		"a file misspelt":      {[]string{"ALPHAPULSE_TOKEN_FIEL=x"}, []string{"ALPHAPULSE_TOKEN_FIEL is not a setting; did you mean ALPHAPULSE_TOKEN_FILE?"}},
		"nothing like it":      {[]string{"ALPHAPULSE_COLOUR=x"}, []string{"ALPHAPULSE_COLOUR is not a setting"}},
		"several, in order":    {[]string{"ALPHAPULSE_Z=x", "ALPHAPULSE_AP=x"}, []string{"ALPHAPULSE_AP is not a setting; did you mean ALPHAPULSE_API?", "ALPHAPULSE_Z is not a setting"}},
		"case":                 {[]string{"ALPHAPULSE_token=x"}, []string{"ALPHAPULSE_token is not a setting"}},
		"service link outside": {[]string{"ALPHAPULSE_API_SERVICE_HOST=x"}, []string{"ALPHAPULSE_API_SERVICE_HOST is not a setting"}},
		"service links in a pod": {[]string{
			"KUBERNETES_SERVICE_HOST=10.0.0.1", "ALPHAPULSE_API_SERVICE_HOST=x", "ALPHAPULSE_API_SERVICE_PORT=x",
			"ALPHAPULSE_API_SERVICE_PORT_HTTP=x", "ALPHAPULSE_API_PORT=x", "ALPHAPULSE_API_PORT_8080_TCP=x",
			"ALPHAPULSE_API_PORT_8080_TCP_ADDR=x", "ALPHAPULSE_PORTS=x",
		}, []string{"ALPHAPULSE_PORTS is not a setting"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			env := daemon.NewEnv(test.environ)
			env.Get("ALPHAPULSE_API", "")
			env.GetSecret("ALPHAPULSE_TOKEN_FREE")
			env.KnowSecrets("ALPHAPULSE_TOKEN")
			env.Know("ALPHAPULSE_EGRESS")
			env.UnknownSettings("ALPHAPULSE_")

			if test.says == nil {
				require.NoError(t, env.Err())

				return
			}

			var wrong *daemon.SettingsError
			require.ErrorAs(t, env.Err(), &wrong)
			require.Equal(t, test.says, wrong.Mistakes)
		})
	}
}

package composecheck_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func read(t *testing.T, name string) string {
	t.Helper()

	content, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)

	return string(content)
}

func write(t *testing.T, path, content string) {
	t.Helper()

	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

// isSecretName goes by the name of a variable. In a compose file a secret may
// only be the path of a file, under a name that ends in _FILE.
func isSecretName(name string) bool {
	return regexp.MustCompile(`(?i)(PASSWORD|SECRET|TOKEN|VAULT|_KEY|NOTIFY|DATABASE_URL|DATABASE_READ_URL)`).MatchString(name)
}

func TestNoSecretIsInTheEnvironment(t *testing.T) {
	t.Parallel()

	files := 0

	for name, service := range load(t, nil, profiles...).Services {
		require.Empty(t, service.EnvFiles, name)

		for variable, value := range service.Environment {
			require.NotNil(t, value, "%s: %s would be taken from whoever starts compose", name, variable)
			require.NotRegexp(t, `://[^/]*:[^/]*@`, *value, "%s: %s holds a password", name, variable)

			if !isSecretName(variable) {
				continue
			}

			files++

			require.True(t, strings.HasSuffix(variable, "_FILE"), "%s: %s", name, variable)
			require.True(t, strings.HasPrefix(*value, "/run/secrets/"), "%s: %s", name, variable)
		}
	}

	require.Positive(t, files)
}

// A path under /run/secrets is there only if the service is given the secret;
// and it is given no secret that it does not read.
func TestEachSecretIsGivenToThoseWhoReadIt(t *testing.T) {
	t.Parallel()

	project := load(t, nil, profiles...)

	for name, service := range project.Services {
		var want, got []string

		for _, value := range service.Environment {
			if secret, ok := strings.CutPrefix(*value, "/run/secrets/"); ok {
				want = append(want, secret)
			}
		}

		for _, secret := range service.Secrets {
			got = append(got, secret.Source)
		}

		require.ElementsMatch(t, want, got, name)

		if !strings.HasPrefix(name, "worker-") {
			require.NotContains(t, got, "vault_key", "%s: only workers can open credentials", name)
		}
	}

	ignored := read(t, ".gitignore")
	require.Contains(t, ignored, "/deployments/secrets/\n")
	require.NotContains(t, read(t, ".dockerignore"), "!deployments")

	for name, secret := range project.Secrets {
		require.Contains(t, secret.File, "/deployments/secrets/", name)
		require.Empty(t, secret.Content, name)
	}
}

// newCheckout copies the script into a directory of its own, with a stand-in
// for the program that it calls to make the vault's keys.
func newCheckout(t *testing.T) string {
	t.Helper()

	dir := t.TempDir()
	script := filepath.Join(dir, "deployments", "make-secrets.sh")
	write(t, script, read(t, "deployments/make-secrets.sh"))
	require.NoError(t, os.Chmod(script, 0o700))

	program := filepath.Join(dir, "bin", "alphapulse")
	write(t, program, "#!/bin/sh\n[ \"$1\" = keygen ] || exit 9\numask 077\necho private >\"$2/vault.key\"\necho public >\"$2/vault.pub\"\n")
	require.NoError(t, os.Chmod(program, 0o700))

	return dir
}

func makeSecrets(t *testing.T, dir string) (output string, err error) {
	t.Helper()

	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "deployments", "make-secrets.sh")).CombinedOutput()

	return string(out), err
}

func secretsOf(t *testing.T, dir string) map[string]string {
	t.Helper()

	secrets := map[string]string{}

	entries, err := os.ReadDir(filepath.Join(dir, "deployments", "secrets"))
	require.NoError(t, err)

	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, "deployments", "secrets", entry.Name()))
		require.NoError(t, err)

		secrets[entry.Name()] = string(content)
	}

	return secrets
}

func TestMakeSecrets(t *testing.T) {
	t.Parallel()

	dir := newCheckout(t)
	output, err := makeSecrets(t, dir)
	require.NoError(t, err, output)

	secrets := secretsOf(t, dir)

	var made []string
	for name := range secrets {
		made = append(made, name)
	}

	// Exactly the files that the compose file names, but for the one that says
	// whom to tell.
	var named []string
	for _, secret := range load(t, nil, profiles...).Secrets {
		if name := filepath.Base(secret.File); name != "notify.json" {
			named = append(named, name)
		}
	}

	require.ElementsMatch(t, named, made)
	require.Regexp(t, `^[0-9a-f]{48}$`, secrets["postgres_password"])
	require.Regexp(t, `^[0-9a-f]{64}$`, secrets["api_token"])
	require.Regexp(t, `^[0-9a-f]{48}$`, secrets["grafana_password"])
	require.Equal(t,
		"postgres://alphapulse:"+secrets["postgres_password"]+"@postgres:5432/alphapulse?sslmode=disable",
		secrets["database_url"])

	for _, name := range []string{"postgres_password", "api_token", "grafana_password"} {
		require.NotContains(t, output, secrets[name])
	}

	modes := map[string]os.FileMode{
		"": os.ModeDir | 0o700, "postgres_password": 0o644, "grafana_password": 0o644,
		"database_url": 0o600, "api_token": 0o600, "vault.key": 0o600, "vault.pub": 0o600,
	}
	for name, mode := range modes {
		status, err := os.Stat(filepath.Join(dir, "deployments", "secrets", name))
		require.NoError(t, err)
		require.Equal(t, mode, status.Mode(), "mode of %q", name)
	}

	// Again: nothing changes.
	output, err = makeSecrets(t, dir)
	require.NoError(t, err, output)
	require.Equal(t, secrets, secretsOf(t, dir))
}

func TestMakeSecretsRefusesToGuess(t *testing.T) {
	t.Parallel()

	for lost, says := range map[string]string{
		"postgres_password": "put it back",
		"vault.key":         "one is missing",
		"vault.pub":         "one is missing",
	} {
		t.Run(lost, func(t *testing.T) {
			t.Parallel()

			dir := newCheckout(t)
			output, err := makeSecrets(t, dir)
			require.NoError(t, err, output)

			before := secretsOf(t, dir)
			delete(before, lost)
			require.NoError(t, os.Remove(filepath.Join(dir, "deployments", "secrets", lost)))

			output, err = makeSecrets(t, dir)
			require.Error(t, err)
			require.Contains(t, output, says)
			require.Equal(t, before, secretsOf(t, dir), "nothing was made or lost")
		})
	}
}

func TestMakeSecretsMakesWhatIsMissing(t *testing.T) {
	t.Parallel()

	dir := newCheckout(t)
	output, err := makeSecrets(t, dir)
	require.NoError(t, err, output)

	before := secretsOf(t, dir)
	require.NoError(t, os.Remove(filepath.Join(dir, "deployments", "secrets", "database_url")))
	require.NoError(t, os.Remove(filepath.Join(dir, "deployments", "secrets", "api_token")))

	output, err = makeSecrets(t, dir)
	require.NoError(t, err, output)

	after := secretsOf(t, dir)
	require.Equal(t, before["database_url"], after["database_url"])
	require.NotEqual(t, before["api_token"], after["api_token"])
	require.NotEmpty(t, after["api_token"])
}

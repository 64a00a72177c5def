package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// maxKeyFile bounds the file of a key.
const maxKeyFile = 64 << 10

// keySource is where a command gets an exchange's key from: files, the
// environment, or a prompt that does not show it. Never an argument, which other
// users of the machine could read in the list of processes.
type keySource struct{ keyFile, secretFile string }

func (s *keySource) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.keyFile, "key-file", "", "read the API key from this file")
	cmd.Flags().StringVar(&s.secretFile, "secret-file", "", "read the API secret from this file")
}

const keyHelp = `The key and its secret come from --key-file and --secret-file, else from BYBIT_API_KEY and
BYBIT_API_SECRET (or BYBIT_API_KEY_FILE and BYBIT_API_SECRET_FILE), else from a prompt that does not show
them. They are never arguments. For an RSA key the secret is the private key in PEM (at least 2048 bits, without a
passphrase).`

// read gives the key and the secret of an exchange.
func (s *keySource) read(ctx context.Context, p *program, exchange string) (vault.Credentials, error) {
	env := daemon.NewEnv(p.environ)
	prefix := strings.ToUpper(exchange)
	var c vault.Credentials
	for _, half := range []struct {
		into     *vault.Secret
		file     string
		flag     string
		variable string
		question string
	}{
		{&c.Key, s.keyFile, "--key-file", prefix + "_API_KEY", "API key (not shown): "},
		{&c.Secret, s.secretFile, "--secret-file", prefix + "_API_SECRET", "API secret (not shown): "},
	} {
		secret, err := readHalf(ctx, p, env, half.file, half.flag, half.variable, half.question)
		if err != nil {
			return vault.Credentials{}, err
		}
		*half.into = secret
	}
	return c, nil
}

func readHalf(
	ctx context.Context, p *program, env *daemon.Env, file, flag, variable, question string,
) (vault.Secret, error) {
	if file != "" {
		return readKeyFile(flag, file)
	}
	secret := vault.NewSecret(strings.TrimSpace(env.GetSecret(variable)))
	if err := env.Err(); err != nil {
		return vault.Secret{}, &exitError{code: exitUsage, message: err.Error()}
	}
	if !secret.IsEmpty() {
		return secret, nil
	}
	secret, err := p.askSecret(ctx, question)
	switch {
	case errors.Is(err, errNoTerminal):
		return secret, usageError("there is no %s: set it (or %s_FILE), give %s, or run this on a terminal to be asked",
			variable, variable, flag)
	case errors.Is(err, errInterrupted):
		return secret, errors.New("interrupted: nothing was stored")
	case err != nil:
		return secret, fmt.Errorf("reading %s: %w", variable, err)
	case secret.IsEmpty():
		return secret, usageError("nothing was entered")
	}
	return secret, nil
}

func readKeyFile(flag, path string) (vault.Secret, error) {
	file, err := os.Open(path)
	if err != nil {
		return vault.Secret{}, usageError("%s: %v", flag, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	defer clear(text)
	secret := vault.NewSecret(strings.TrimSpace(string(text)))
	switch {
	case err != nil:
		return vault.Secret{}, usageError("%s: %v", flag, err)
	case len(text) > maxKeyFile:
		return vault.Secret{}, usageError("%s: %s is larger than any key", flag, path)
	case secret.IsEmpty():
		return vault.Secret{}, usageError("%s: %s is empty", flag, path)
	}
	return secret, nil
}

package api

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	maxName   = 64
	maxReason = 200
	maxKey    = 512

	minCadence = time.Second
	maxCadence = 7 * 24 * time.Hour
)

// checkName accepts what is safe in a file name, a command line and a URL.
func checkName(name string) error { return checkNameOf("an account", name) }

func checkNameOf(what, name string) error {
	const form = "1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or a digit"
	if len(name) <= maxName && regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`).MatchString(name) {
		return nil
	}
	if len(name) > maxName {
		name = name[:maxName] + "…"
	}
	return badRequest("name", "names are "+form, fmt.Errorf("%q cannot be the name of %s", name, what))
}

// checkReason accepts what Postgres can store.
func checkReason(reason string) error {
	switch {
	case !utf8.ValidString(reason) || strings.ContainsRune(reason, 0):
		return badRequest("reason", "", errors.New("the reason is not text"))
	case utf8.RuneCountInString(reason) > maxReason:
		return badRequest("reason", "", fmt.Errorf("the reason is longer than %d characters", maxReason))
	}
	return nil
}

// checkKey checks one half of a credential without repeating it.
func checkKey(what, text string) (vault.Secret, error) {
	secret := vault.NewSecret(text)
	switch {
	case text == "":
		return secret, badRequest("key", "", fmt.Errorf("the %s is missing", what))
	case len(text) > maxKey:
		return secret, badRequest("key", "", fmt.Errorf("the %s is longer than %d characters", what, maxKey))
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return secret, badRequest("key", "copy it from the exchange again",
			fmt.Errorf("the %s holds a space or a character that keys do not have", what))
	}
	return secret, nil
}

func checkCredentials(key, secret string) (vault.Credentials, error) {
	k, keyErr := checkKey("API key", key)
	if keyErr != nil {
		return vault.Credentials{}, keyErr
	}
	check := checkKey
	if strings.HasPrefix(strings.TrimSpace(secret), pemBegin) {
		check = checkPrivateKey
	}
	s, err := check("API secret", secret)
	return vault.Credentials{Key: k, Secret: s}, err
}

// checkTypes reads the data types of a sync; none means all.
func checkTypes(names []string) ([]syncjob.DataType, error) {
	if len(names) == 0 {
		return syncjob.All(), nil
	}
	types, err := syncjob.ParseTypes(strings.Join(names, ","))
	if err != nil {
		return nil, badRequest("data_type", "", err)
	}
	return types, nil
}

func checkCadence(every time.Duration) error {
	if every >= minCadence && every <= maxCadence {
		return nil
	}
	return badRequest("cadence", "", fmt.Errorf("a cadence of %s: want %s to %s", every, minCadence, maxCadence))
}

// checkWord finds a filter's value among those that exist.
func checkWord(what, word string, known []string) error {
	if word == "" {
		return nil
	}
	for _, k := range known {
		if word == k {
			return nil
		}
	}
	return badRequest(what, "", errors.New("there is no "+what+" "+fmt.Sprintf("%.40q", word)+
		": use one of "+strings.Join(known, ", ")))
}

package daemon

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// fileSuffix names the variable that holds the path of a secret's file.
const fileSuffix = "_FILE"

// Env reads settings from the environment. A setting that is wrong does not
// end the reading: it is noted, and [Env.Err] names all of them at once.
//
// A variable that is empty counts as not set, as compose files and shells
// write an absent value. Env is not safe for concurrent use.
type Env struct {
	values   map[string]string
	known    map[string]bool
	mistakes []string
}

// NewEnv reads an environment in the form of os.Environ: "NAME=value". The
// process's own is NewEnv(os.Environ()).
func NewEnv(environ []string) *Env {
	env := &Env{values: make(map[string]string, len(environ)), known: map[string]bool{}}

	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			env.values[name] = value
		}
	}

	return env
}

// Lookup is os.LookupEnv over this environment. It makes the name known to
// UnknownSettings.
func (e *Env) Lookup(name string) (string, bool) {
	e.Know(name)
	value := e.values[name]

	return value, value != ""
}

// Get is a setting, or fallback where it is not set.
func (e *Env) Get(name, fallback string) string {
	if value, ok := e.Lookup(name); ok {
		return value
	}

	return fallback
}

// Required is a setting without which the process cannot start; hint says
// what to put there: "the address of the database, as in postgres://…".
func (e *Env) Required(name, hint string) string {
	value, ok := e.Lookup(name)
	if !ok {
		e.Mistake("%s is not set: %s", name, hint)
	}

	return value
}

// Duration is a setting such as 15s or 2m30s. Negative durations are refused.
func (e *Env) Duration(name string, fallback time.Duration) time.Duration {
	text, ok := e.Lookup(name)
	if !ok {
		return fallback
	}

	value, err := time.ParseDuration(text)
	if err != nil || value < 0 {
		e.Mistake("%s is %q: want a duration such as 15s or 2m30s", name, text)

		return fallback
	}

	return value
}

// Int is a whole number from low to high, both included.
func (e *Env) Int(name string, fallback, low, high int) int {
	text, ok := e.Lookup(name)
	if !ok {
		return fallback
	}

	value, err := strconv.Atoi(text)
	if err != nil || value < low || value > high {
		e.Mistake("%s is %q: want a whole number from %d to %d", name, text, low, high)

		return fallback
	}

	return value
}

// Bool is true or false, also written 1 or 0.
func (e *Env) Bool(name string, fallback bool) bool {
	text, ok := e.Lookup(name)
	if !ok {
		return fallback
	}

	value, err := strconv.ParseBool(text)
	if err != nil {
		e.Mistake("%s is %q: want true or false", name, text)

		return fallback
	}

	return value
}

// Know declares settings that another process reads from the same
// environment, so that UnknownSettings lets them pass.
func (e *Env) Know(names ...string) {
	for _, name := range names {
		e.known[name] = true
	}
}

// KnowSecrets is Know for secrets, each with its NAME_FILE.
func (e *Env) KnowSecrets(names ...string) {
	for _, name := range names {
		e.Know(name, name+fileSuffix)
	}
}

// Mistake notes what is wrong with a setting. The text must name the setting
// and must not hold a secret.
func (e *Env) Mistake(format string, args ...any) {
	e.mistakes = append(e.mistakes, fmt.Sprintf(format, args...))
}

// Check notes err, if there is one, as a mistake; each of several that were joined
// as one of its own.
func (e *Env) Check(err error) {
	for _, one := range joined(err) {
		e.Mistake("%v", one)
	}
}

// joined takes apart what errors.Join made. What several %w made has words between
// its parts, and stays whole.
func joined(err error) []error {
	if err == nil {
		return nil
	}
	several, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(several.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	var parts []error
	for _, part := range several.Unwrap() {
		parts = append(parts, joined(part)...)
	}
	return parts
}

// Err is nil, or a [SettingsError] with every mistake noted so far, in order.
func (e *Env) Err() error {
	if len(e.mistakes) == 0 {
		return nil
	}

	return &SettingsError{Mistakes: append([]string(nil), e.mistakes...)}
}

package vault

import (
	"errors"
	"fmt"
)

var (
	// ErrNoKey is the error when neither NAME nor NAME_FILE is set.
	ErrNoKey = errors.New("no vault key is set")

	// ErrNotAKey is the error for a text that is not a vault key at all.
	ErrNotAKey = errors.New("this is not a vault key")

	// ErrExposed is the error for a key file that others than its owner and
	// group may read, or change.
	ErrExposed = errors.New("the vault key is exposed")

	// ErrKeysExist is the error of GenerateKeys where a key is already.
	ErrKeysExist = errors.New("a vault key exists already")

	// ErrKeyLost is the error where there is a public key without the private
	// key that belongs to it.
	ErrKeyLost = errors.New("the private vault key is missing")
)

// KindError is a public key where a private one is needed, or the reverse.
type KindError struct {
	Want, Got string
}

// Error says what was found and what is needed.
func (e *KindError) Error() string {
	return fmt.Sprintf("this is a %s vault key, but the %s one (%s) is needed",
		e.Got, e.Want, fileOf(kind(e.Want)))
}

// SettingError is a key that could not be loaded, with the setting it was to
// come from.
type SettingError struct {
	// Setting is the variable at fault: NAME or NAME_FILE.
	Setting string
	Err     error
	hint    string
}

// Error names the setting, what is wrong and what to do.
func (e *SettingError) Error() string {
	text := e.Setting + ": " + e.Err.Error()
	if e.hint != "" {
		text += "; " + e.hint
	}

	return text
}

// Unwrap is what is wrong.
func (e *SettingError) Unwrap() error { return e.Err }

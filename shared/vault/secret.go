package vault

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// redacted is all that a Secret ever shows of itself.
const redacted = "[redacted]"

// Secret is a text that must not be seen: an API key, a token, a URL with a
// password in it. However it is printed, logged or marshalled, it shows
// "[redacted]", whether it is empty or not. The zero value is the empty
// secret.
type Secret struct {
	// A closure and not a string: printing by reflection, which fmt uses for
	// unexported fields and debuggers of tests use for everything, cannot see
	// into it. It also makes == on secrets, which would leak by its timing, a
	// compile error.
	reveal func() string
}

// NewSecret wraps a text.
func NewSecret(text string) Secret {
	return Secret{reveal: func() string { return text }}
}

// Reveal is the text itself. Call it where the text is used, as late as
// possible, and hand the Secret around instead.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}

	return s.reveal()
}

// IsEmpty reports whether there is no text.
func (s Secret) IsEmpty() bool { return s.Reveal() == "" }

// Equal compares two secrets in a time that depends on their lengths only.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String implements fmt.Stringer.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return redacted }

// Format implements fmt.Formatter for every verb, also those that would print
// a string's bytes.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, redacted) }

// MarshalText implements encoding.TextMarshaler, and with it XML, YAML and
// the keys of JSON objects.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

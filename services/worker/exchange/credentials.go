package exchange

import "fmt"

// redacted stands wherever a secret would have been printed.
const redacted = "[redacted]"

// Credentials is an API key with its secret. It holds them behind functions,
// so that no formatting verb, encoder or debugger's dump of a value that
// contains one shows them, not even where Go cannot call the methods below
// (a field that is not exported).
type Credentials struct {
	key    func() string
	secret func() []byte
}

// NewCredentials keeps a copy of secret; the caller may wipe his own.
func NewCredentials(key string, secret []byte) Credentials {
	kept := append([]byte(nil), secret...)
	return Credentials{
		key:    func() string { return key },
		secret: func() []byte { return kept },
	}
}

// Key is the public half. It identifies the account to the exchange and is
// treated as a secret everywhere else.
func (c Credentials) Key() string {
	if c.key == nil {
		return ""
	}
	return c.key()
}

// Secret is the half that signs. The slice is shared: do not change it.
func (c Credentials) Secret() []byte {
	if c.secret == nil {
		return nil
	}
	return c.secret()
}

// Format prints the same redaction for every verb.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText redacts; encoding/json uses it too.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(redacted), nil }

package vault

import (
	"encoding/json"
	"errors"
	"fmt"
)

// maxCredentials bounds the plain text of one pair of credentials; exchanges'
// keys are a few dozen bytes, RSA private keys a few thousand.
const maxCredentials = 16 << 10

// Credentials are what an exchange knows an account by.
type Credentials struct {
	Key    Secret
	Secret Secret
}

// validate refuses credentials that no exchange could have issued.
func (c Credentials) validate() error {
	switch {
	case c.Key.IsEmpty():
		return errors.New("the API key is empty")
	case c.Secret.IsEmpty():
		return errors.New("the API secret is empty")
	case len(c.Key.Reveal())+len(c.Secret.Reveal()) > maxCredentials:
		return fmt.Errorf("API key and secret together are longer than %d KiB", maxCredentials>>10)
	}

	return nil
}

// plaintext is the sealed form. New fields may be added; a reader ignores
// those it does not know.
type plaintext struct {
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

func (c Credentials) encode() ([]byte, error) {
	return json.Marshal(plaintext{Key: c.Key.Reveal(), Secret: c.Secret.Reveal()})
}

func decodeCredentials(content []byte) (Credentials, error) {
	var plain plaintext

	// The cause is dropped: errors of encoding/json may quote their input.
	if json.Unmarshal(content, &plain) != nil {
		return Credentials{}, errors.New("the decrypted content is not a pair of credentials")
	}

	return Credentials{Key: NewSecret(plain.Key), Secret: NewSecret(plain.Secret)}, nil
}

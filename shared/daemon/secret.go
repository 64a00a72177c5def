package daemon

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret bounds the file of a secret; a key is far smaller.
const maxSecret = 64 << 10

// GetSecret is a secret from NAME, or from the file that NAME_FILE names,
// without the line ends that editors leave at its end. It is "" where neither
// is set. Both set, and a file that cannot be read or is empty, are mistakes;
// no mistake repeats a secret's value.
func (e *Env) GetSecret(name string) string {
	value, isSet := e.Lookup(name)
	path, hasFile := e.Lookup(name + fileSuffix)

	switch {
	case isSet && hasFile:
		e.Mistake("%s and %s are both set: leave one of them out", name, name+fileSuffix)

		return ""
	case !hasFile:
		return value
	}

	value, err := readSecret(path)
	if err != nil {
		e.Mistake("%s: %v", name+fileSuffix, err)
	}

	return value
}

// RequiredSecret is GetSecret for a secret without which the process cannot
// start; hint says what to put there.
func (e *Env) RequiredSecret(name, hint string) string {
	mistakes := len(e.mistakes)
	value := e.GetSecret(name)

	if value == "" && len(e.mistakes) == mistakes {
		e.Mistake("%s is not set, nor is %s: %s", name, name+fileSuffix, hint)
	}

	return value
}

func readSecret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading the secret's file: %w", err)
	}
	defer file.Close()

	content, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("reading the secret's file: %w", err)
	}

	if len(content) > maxSecret {
		return "", fmt.Errorf("the secret's file %s is larger than %d KiB", path, maxSecret>>10)
	}

	value := strings.TrimRight(string(content), "\r\n")

	switch {
	case value == "":
		return "", fmt.Errorf("the secret's file %s is empty", path)
	case strings.Contains(value, "\x00"):
		return "", fmt.Errorf("the secret's file %s holds a NUL byte: is it text?", path)
	}

	return value, nil
}

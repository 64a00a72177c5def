package worker

import (
	"bytes"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	// keyringSize is how many accounts' keys at least are kept open, and half of the
	// most.
	keyringSize = 2048
	// keyringAge is how long a key stays open: one that nobody uses any more is not
	// in this process's memory for ever.
	keyringAge = 10 * time.Minute
)

// keyring keeps the keys of the accounts that were read last: to open one takes longer
// than anything else that a small job does in this process. What is kept is used for
// exactly the bytes and the version that it was opened from. Its zero value is empty.
type keyring struct {
	mu         sync.Mutex
	young, old map[string]openedKey // by account
}

type openedKey struct {
	version int
	sealed  []byte
	at      time.Time
	key     vault.Credentials
}

// open gives an account's key. A key that does not open is tried again each time.
func (k *keyring) open(opener *vault.Opener, account string, version int, sealed []byte) (vault.Credentials, error) {
	if found, ok := k.find(account); ok && found.version == version && bytes.Equal(found.sealed, sealed) &&
		time.Since(found.at) < keyringAge {
		return found.key, nil
	}
	key, err := opener.Open(account, version, sealed)
	if err == nil {
		k.keep(account, openedKey{version, sealed, time.Now(), key})
	}
	return key, err
}

func (k *keyring) find(account string) (openedKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if found, ok := k.young[account]; ok {
		return found, true
	}
	found, ok := k.old[account]
	return found, ok
}

// keep forgets those that were kept longest ago when there are too many.
func (k *keyring) keep(account string, opened openedKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.young == nil || len(k.young) >= keyringSize {
		k.young, k.old = map[string]openedKey{}, k.young
	}
	k.young[account] = opened
}

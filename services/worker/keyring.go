package worker

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	// keyringSize is how many accounts' keys at least are kept open, and half of the
	// most: some 8 MB, in a process that reads so many accounts.
	keyringSize = 16384
	// keyringAge is how long a key stays open. One that nobody uses any more is
	// forgotten at the latest when others have been opened for twice as long.
	keyringAge = 10 * time.Minute
)

// keyring keeps the keys of the accounts that were read last: to open one takes longer
// than anything else that a small job does in this process. What is kept is used for
// exactly the bytes and the version that it was opened from. Its zero value is empty.
type keyring struct {
	mu         sync.Mutex
	young, old map[string]openedKey // by account
	turned     time.Time            // when young ones became old
}

type openedKey struct {
	version int
	sealed  [sha256.Size]byte // of what it was opened from
	at      time.Time
	key     vault.Credentials
}

// open gives an account's key. A key that does not open is tried again each time.
func (k *keyring) open(opener *vault.Opener, account string, version int, sealed []byte) (vault.Credentials, error) {
	sum := sha256.Sum256(sealed)
	if found, ok := k.find(account); ok && found.version == version && found.sealed == sum &&
		time.Since(found.at) < keyringAge {
		return found.key, nil
	}
	key, err := opener.Open(account, version, sealed)
	if err == nil {
		k.keep(account, openedKey{version, sum, time.Now(), key})
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

// keep forgets those that were kept longest ago, when there are too many or it is
// time.
func (k *keyring) keep(account string, opened openedKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.young == nil || len(k.young) >= keyringSize || opened.at.Sub(k.turned) >= keyringAge {
		k.young, k.old, k.turned = map[string]openedKey{}, k.young, opened.at
	}
	k.young[account] = opened
}

package exchangesim

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// RevokeKey deletes the account's key: it is unknown from now on.
func (x *Exchange) RevokeKey(uid string) (time.Time, error) {
	at, err := x.updateProfile(uid, func(p *profile) error { p.revoked = true; return nil })
	return at, wrap("revoking the key", err)
}

// RestoreKey takes a revocation back.
func (x *Exchange) RestoreKey(uid string) (time.Time, error) {
	at, err := x.updateProfile(uid, func(p *profile) error { p.revoked = false; return nil })
	return at, wrap("restoring the key", err)
}

// RotateKey replaces the account's key; the old one is unknown from now on.
func (x *Exchange) RotateKey(uid string) (key, secret string, at time.Time, err error) {
	index, err := x.indexOfUID(uid)
	if err != nil {
		return "", "", time.Time{}, wrap("rotating the key", err)
	}
	at, err = x.updateProfile(uid, func(p *profile) error {
		p.generation++
		p.revoked, p.rsa = false, nil
		key, secret = keyPair(x.cfg.Seed, index, p.generation)
		return nil
	})
	return key, secret, at, wrap("rotating the key", err)
}

// SetPermissions says what the key may do. nil keeps the permissions and
// changes readOnly alone; areas that are not named keep theirs.
func (x *Exchange) SetPermissions(uid string, readOnly bool, permissions map[string][]string) (time.Time, error) {
	at, err := x.updateProfile(uid, func(p *profile) error {
		p.readOnly = readOnly
		for area, list := range permissions {
			if _, known := readPermissions()[area]; !known {
				return fmt.Errorf("no permission area %q", area)
			}
			p.permissions[area] = append([]string{}, list...)
		}
		return nil
	})
	return at, wrap("setting permissions", err)
}

// SetExpiry ends the key at an instant, which may have passed; the zero time
// restores the usual expiry.
func (x *Exchange) SetExpiry(uid string, expires time.Time) (time.Time, error) {
	at, err := x.updateProfile(uid, func(p *profile) error {
		p.expires = 0
		if !expires.IsZero() {
			p.expires = expires.UnixMilli()
		}
		return nil
	})
	return at, wrap("setting the key's expiry", err)
}

// SetIPs binds the key to addresses; none unbinds it.
func (x *Exchange) SetIPs(uid string, ips []string) (time.Time, error) {
	at, err := x.updateProfile(uid, func(p *profile) error {
		for _, ip := range ips {
			if _, err := netip.ParseAddr(ip); err != nil {
				return fmt.Errorf("%q is no IP address", ip)
			}
		}
		p.ips = append([]string{}, ips...)
		return nil
	})
	return at, wrap("binding the key to addresses", err)
}

// SetMode changes unifiedMarginStatus: 1 makes the account a classic one, 3 and
// 4 unified 1.0, 5 and 6 unified 2.0. Its mode decides which wallets it has.
func (x *Exchange) SetMode(uid string, status int) (time.Time, error) {
	at, err := x.updateProfile(uid, func(p *profile) error {
		if !knownMode(status) {
			return fmt.Errorf("unified_margin_status must be 1 or 3 to 6, not %d", status)
		}
		p.status = status
		return nil
	})
	return at, wrap("setting the account's mode", err)
}

// ChangeUID gives the key to another UID, as if a key of another account had
// been entered. What the account holds stays. Two accounts may share a UID, and
// then its limits.
func (x *Exchange) ChangeUID(uid, newUID string) (time.Time, error) {
	at, err := x.updateProfile(uid, func(p *profile) error {
		if n, err := strconv.ParseInt(newUID, 10, 64); err != nil || n <= 0 {
			return fmt.Errorf("a UID is a positive number, not %q", newUID)
		}
		p.uid = newUID
		return nil
	})
	return at, wrap("changing the UID", err)
}

// SetClockOffset moves the exchange's clock, and the world with it, to offset
// from Config.Clock. What was shown at an instant may be shown otherwise when
// the clock is set back and the past is then changed.
func (x *Exchange) SetClockOffset(offset time.Duration) { x.clock.setOffset(offset) }

func wrap(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

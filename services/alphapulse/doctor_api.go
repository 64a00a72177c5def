package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// maxReport bounds what is read of a readiness report or an exchange's answer.
const maxReport = 64 << 10

// checkAPI asks the API whether it is ready and what it knows.
func (d *doctor) checkAPI(ctx context.Context) {
	c, err := d.remote.connect()
	if err != nil {
		d.fail("api", "correct the setting", "%v", err)
		return
	}
	d.state, err = c.GetStatus(ctx, &controlv1.GetStatusRequest{})
	if err != nil {
		message, next, _ := strings.Cut(err.Error(), "\n  Next: ")
		d.fail("api", next, "%s", message)
		return
	}
	d.ok("api", "%s answers, %s", c.base, number(len(d.state.GetAccounts()), "account"))
	d.checkReady(ctx, c)
}

// checkReady repeats what the API says is missing.
func (d *doctor) checkReady(ctx context.Context, c *client) {
	const check = "api readiness"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("readyz").String(), nil)
	if err != nil {
		d.fail(check, "", "%v", err)
		return
	}
	res, err := c.http.Do(req)
	if err != nil {
		d.fail(check, "", "%v", err)
		return
	}
	defer res.Body.Close()
	var report daemon.Report
	if err := json.NewDecoder(io.LimitReader(res.Body, maxReport)).Decode(&report); err != nil {
		d.fail(check, "see that nothing stands between this machine and the API", "its answer is not a report: %v", err)
		return
	}
	var wrong []string
	for _, r := range report.Checks {
		if !r.OK {
			wrong = append(wrong, r.Name+": "+r.Error)
		}
	}
	if !report.OK || len(wrong) > 0 {
		d.fail(check, "mend what it names; it is ready again by itself", "not ready: %s", strings.Join(wrong, "; "))
		return
	}
	d.ok(check, "ready")
}

// checkVault compares the keys that doctor was given with the one that the API
// seals with. Fingerprints are no secrets.
func (d *doctor) checkVault(context.Context) {
	const check = "vault key"
	lookup := daemon.NewEnv(d.remote.program.environ).Lookup
	sealing := d.state.GetVaultKeyFingerprint()
	if has(lookup, vault.PublicKeySetting) {
		sealer, err := vault.LoadSealer(lookup)
		switch {
		case err != nil:
			d.fail("vault public key", "", "%v", err)
		case sealing == "":
			sealing = sealer.Fingerprint()
			d.ok("vault public key", "%s", sealing)
		default:
			d.compareKey("vault public key", sealer.Fingerprint(), sealing)
		}
	}
	if !has(lookup, vault.PrivateKeySetting) {
		d.warn(check, "set "+vault.PrivateKeySetting+"_FILE where doctor runs, to have it compared with the API's",
			"not checked: %s is not set%s", vault.PrivateKeySetting, sealsWith(sealing))
		return
	}
	opener, err := vault.LoadOpener(lookup)
	switch {
	case err != nil:
		d.fail(check, "", "%v", err)
	case sealing == "":
		d.warn(check, "start the API, to have it compared", "%s, which cannot be compared with the API's", opener.Fingerprint())
	default:
		d.compareKey(check, opener.Fingerprint(), sealing)
	}
}

func has(lookup vault.Lookup, setting string) bool {
	_, direct := lookup(setting)
	_, file := lookup(setting + "_FILE")
	return direct || file
}

func sealsWith(fingerprint string) string {
	if fingerprint == "" {
		return ""
	}
	return "; the API seals with " + fingerprint
}

func (d *doctor) compareKey(check, own, sealing string) {
	if own == sealing {
		d.ok(check, "%s, the one that the API seals with", own)
		return
	}
	d.fail(check, "give api and workers the two halves of one pair, then enter keys again with `alphapulse accounts set-key`",
		"%s, but the API seals with %s: what it seals cannot be opened with this key", own, sealing)
}

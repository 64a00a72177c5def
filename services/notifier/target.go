package notifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/alphapulse/alphapulse/shared/vault"
)

// The forms of a notice.
const (
	formWebhook = "webhook" // a JSON document, signed
	formSlack   = "slack"   // {"text": …}, as Slack, Mattermost and others take it
)

// minSecret is how long the secret of a signature must be.
const minSecret = 16

// Target is where notices go. Its URL may be as good as a password, so that it
// is one here.
type Target struct {
	Name   string
	Form   string
	URL    vault.Secret
	Secret vault.Secret // signs webhooks
	// Kinds are the conditions it is told of; empty: all.
	Kinds []string
}

func (t Target) wants(kind string) bool { return len(t.Kinds) == 0 || slices.Contains(t.Kinds, kind) }

// document is what the setting holds.
type document struct {
	Targets []struct {
		Name   string   `json:"name"`
		Form   string   `json:"form"`
		URL    string   `json:"url"`
		Secret string   `json:"secret"`
		Kinds  []string `json:"kinds"`
	} `json:"targets"`
}

// ParseTargets reads the setting and names every mistake at once, without
// repeating a secret:
//
//	{"targets": [{"name": "ops", "form": "slack", "url": "https://hooks.slack.com/…", "kinds": ["run_failed"]},
//	             {"name": "desk", "form": "webhook", "url": "https://…", "secret": "…"}]}
func ParseTargets(text string) ([]Target, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	var doc document
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("it is not the JSON document that `alphapulse notifier --help` shows: %w", plainError(err))
	}
	if decoder.More() {
		return nil, errors.New("something stands behind the JSON document")
	}
	if len(doc.Targets) == 0 {
		return nil, errors.New("it names no targets")
	}
	var targets []Target
	var mistakes []error
	names := map[string]bool{}
	for i, d := range doc.Targets {
		t := Target{Name: d.Name, Form: d.Form, URL: vault.NewSecret(d.URL), Secret: vault.NewSecret(d.Secret), Kinds: d.Kinds}
		if err := t.check(); err != nil {
			mistakes = append(mistakes, fmt.Errorf("target %d (%.40q): %w", i+1, d.Name, err))
		}
		if names[d.Name] {
			mistakes = append(mistakes, fmt.Errorf("target %d: there are two of the name %.40q", i+1, d.Name))
		}
		names[d.Name] = true
		targets = append(targets, t)
	}
	return targets, errors.Join(mistakes...)
}

// plainError keeps what a decoder says of the place and leaves out what stood
// there.
func plainError(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("field %s must be a %s", kind.Field, kind.Type)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("a syntax error at byte %d", syntax.Offset)
	}
	return err
}

func (t Target) check() error {
	var errs []error
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`).MatchString(t.Name) {
		errs = append(errs, errors.New("a name has 1 to 64 of a-z, 0-9, - and _"))
	}
	if t.Form != formWebhook && t.Form != formSlack {
		errs = append(errs, errors.New("its form must be webhook or slack"))
	}
	u, err := url.Parse(t.URL.Reveal())
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		errs = append(errs, errors.New("its url must begin with https:// or http://"))
	}
	if t.Form == formWebhook && len(t.Secret.Reveal()) < minSecret {
		errs = append(errs, fmt.Errorf("its secret must have at least %d characters, as from `openssl rand -hex 32`", minSecret))
	}
	for _, kind := range t.Kinds {
		if !slices.Contains(Kinds(), kind) {
			errs = append(errs, fmt.Errorf("there is no condition %.40q: use some of %s", kind, strings.Join(Kinds(), ", ")))
		}
	}
	return errors.Join(errs...)
}

// redact takes a target's secrets out of a text: errors of HTTP clients repeat
// the URL.
func (t Target) redact(text string) string {
	secrets := []string{t.URL.Reveal(), t.Secret.Reveal()}
	if u, err := url.Parse(t.URL.Reveal()); err == nil {
		secrets = append(secrets, u.RequestURI(), u.Path)
	}
	for _, secret := range secrets {
		if len(secret) > 1 {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}

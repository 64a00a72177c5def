package exchangetest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// shows reports a text that a secret can be read from, as it is or in
// hexadecimal digits. It never says which.
func shows(what, text string, secrets []string) error {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		if strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), hex.EncodeToString([]byte(secret))) {
			return fmt.Errorf("%s shows a key, a secret or a signature", what)
		}
	}
	return nil
}

// unprinted formats the adapter's values with every verb, also inside of others,
// where Go calls no method of theirs.
func unprinted(_ context.Context, x Exchange) error {
	s, err := bench{exchange: x}.scene(nil, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	var faults []error
	for name, value := range map[string]any{
		"the account": s.account, "the market": s.market,
		"a struct around the account": struct{ hidden any }{s.account},
		"a list of accounts":          []any{s.account}, "a map of accounts": map[string]any{"a": s.account},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			faults = append(faults, shows(name+" printed with "+verb, fmt.Sprintf(verb, value), s.secrets()))
		}
		if encoded, err := json.Marshal(value); err == nil {
			faults = append(faults, shows(name+" as JSON", string(encoded), s.secrets()))
		}
	}
	return errors.Join(faults...)
}

// discreet looks for the secrets of a scene in all that a result says.
func (s *scene) discreet(got result) error {
	var faults []error
	if got.err != nil {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			faults = append(faults, shows("the error printed with "+verb, fmt.Sprintf(verb, got.err), s.secrets()))
		}
		faults = append(faults,
			shows("Message", got.err.Message, s.secrets()),
			shows("Code", got.err.Code, s.secrets()),
			shows("Payload", string(got.err.Payload), s.secrets()))
		for cause := errors.Unwrap(got.err); cause != nil; cause = errors.Unwrap(cause) {
			faults = append(faults, shows("a cause", cause.Error(), s.secrets()))
		}
	}
	for _, fault := range got.faults {
		faults = append(faults, s.discreetFault(fault))
	}
	return errors.Join(faults...)
}

func (s *scene) discreetFault(fault exchange.RowFault) error {
	return errors.Join(
		shows("a fault's Reason", fault.Reason, s.secrets()),
		shows("a fault's Payload", string(fault.Payload), s.secrets()))
}

// Package exchanges lists the exchanges that this binary can read, and where
// each of their environments usually is.
package exchanges

import (
	"fmt"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange/bybit"
)

// Bybit is the name of the one exchange there is.
const Bybit = "bybit"

// BaseURL gives the usual address of an exchange's environment. The error lists
// what there is.
func BaseURL(exchange, environment string) (string, error) {
	if exchange != Bybit {
		return "", fmt.Errorf("unknown exchange %q: there is %s", exchange, Bybit)
	}
	var names []string
	for _, e := range bybit.Environments() {
		if e.Name == environment {
			return e.BaseURLs[0], nil
		}
		names = append(names, e.Name)
	}
	return "", fmt.Errorf("%s has no environment %q: there are %s", exchange, environment, strings.Join(names, ", "))
}

package bybit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// The categories of the exchange, which are ours too.
const (
	spot    = "spot"
	linear  = "linear"
	inverse = "inverse"
	option  = "option"
)

// cut splits "linear:USDT" into category and coin; the coin may be empty.
func cut(scope exchange.Scope) (category, coin string) {
	category, coin, _ = strings.Cut(string(scope), ":")
	return category, coin
}

func join(category, coin string) exchange.Scope {
	return exchange.Scope(category + ":" + coin)
}

// unserved refuses a scope that is not among those served; nil if it is.
func unserved(scope exchange.Scope, served []exchange.Scope) *exchange.Error {
	if slices.Contains(served, scope) {
		return nil
	}
	return &exchange.Error{
		Class:   exchange.Unsupported,
		Message: fmt.Sprintf("scope %q is not read from Bybit; it has %v", scope, served),
	}
}

package exchangetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// refusesSettings: a wrong setting shows when a reader is made, not at the first
// call, and what is said about it names no secret.
func refusesSettings(_ context.Context, x Exchange) error {
	s := &scene{stage: &stage{exchange: x}, budget: &budget{}}
	adapter, err := s.adapter()
	if err != nil {
		return err
	}
	lost := x.Target
	lost.Environment, lost.BaseURL = "no such environment", ""
	garbled := x.Target
	garbled.BaseURL = "://"
	var faults []error
	for name, target := range map[string]exchange.Target{"an environment that there is not": lost, "a base URL that is none": garbled} {
		_, err := adapter.Account(target, x.Credentials)
		faults = append(faults, due("an account at "+name, err, s.secrets()))
		_, err = adapter.Market(target)
		faults = append(faults, due("a market at "+name, err, s.secrets()))
	}
	target := x.Target
	target.BaseURL = "http://127.0.0.1:1"
	_, err = adapter.Account(target, exchange.Credentials{})
	return errors.Join(append(faults, due("an account without credentials", err, nil))...)
}

func due(what string, err error, secrets []string) error {
	if err == nil {
		return fmt.Errorf("%s is made without an error", what)
	}
	return shows("the error about "+what, err.Error(), secrets)
}

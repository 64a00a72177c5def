package exchangetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// declared compares what the author said with what the adapter implements. A
// reader whose method no longer fits its interface is missing without a word
// otherwise.
func declared(_ context.Context, x Exchange) error {
	readers, err := x.readers()
	if err != nil {
		return err
	}
	implemented := map[Reading]bool{}
	for _, r := range readers {
		implemented[r.reading] = true
	}
	var faults []error
	for _, rows := range x.Rows {
		if !implemented[rows.Reading] {
			faults = append(faults, fmt.Errorf("there are Rows for %s, and the adapter has no reader of them", rows.Reading))
		}
		if rows.Sample == nil || rows.Spoil == nil || rows.Strip == nil {
			faults = append(faults, fmt.Errorf("the Rows for %s lack Sample, Spoil or Strip", rows.Reading))
		}
		delete(implemented, rows.Reading)
	}
	for reading := range implemented {
		if !(reader{reading: reading}).rowless() {
			faults = append(faults, fmt.Errorf("the adapter reads %s, and there are no Rows for it", reading))
		}
	}
	return errors.Join(append(faults, x.refusesAll()...)...)
}

// classes of exchange/errors.go that an answer may belong to.
func classes() []exchange.Class {
	return []exchange.Class{
		exchange.Transient, exchange.RateLimited, exchange.Banned, exchange.ClockSkew, exchange.Auth, exchange.Permission,
		exchange.Unsupported, exchange.BadRequest, exchange.Decode, exchange.Maintenance,
	}
}

func (x Exchange) refusesAll() []error {
	var faults []error
	for _, class := range classes() {
		_, known := x.refusal(class)
		if never := slices.Contains(x.Never, class); known == never {
			faults = append(faults, fmt.Errorf("class %s must be either in Refusals or in Never", class))
		}
	}
	return faults
}

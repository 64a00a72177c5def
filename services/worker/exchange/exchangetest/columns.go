package exchangetest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// columns gives every field of a row as text, by its name.
func columns(row exchange.Keyed) map[string]string {
	found := map[string]string{}
	gather(reflect.ValueOf(row), found)
	return found
}

func gather(row reflect.Value, found map[string]string) {
	for i := range row.NumField() {
		field, value := row.Type().Field(i), row.Field(i)
		if field.Anonymous {
			gather(value, found)
			continue
		}
		found[field.Name] = text(value)
	}
}

// text tells nil from empty, and one instant in two zones as the same.
func text(value reflect.Value) string {
	switch v := value.Interface().(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case map[string]exchange.Number:
		if v == nil {
			return "none"
		}
		return fmt.Sprintf("%q", v)
	case *bool:
		if v == nil {
			return "none"
		}
		return fmt.Sprint(*v)
	default:
		return fmt.Sprint(v)
	}
}

// differ names the columns in which got is not want.
func differ(got, want exchange.Keyed) error {
	if reflect.TypeOf(got) != reflect.TypeOf(want) {
		return fmt.Errorf("row %q is a %T, not a %T", want.Key(), got, want)
	}
	have := columns(got)
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if due := columns(want)[name]; have[name] != due {
			faults = append(faults, fmt.Errorf("row %q: %s is %q, not %q", want.Key(), name, have[name], due))
		}
	}
	return errors.Join(faults...)
}

// undecimal names the numbers of a row that are none.
func undecimal(row exchange.Keyed) error {
	var faults []error
	for name, number := range numbers(reflect.ValueOf(row)) {
		if number != "" && !isDecimal(string(number)) {
			faults = append(faults, fmt.Errorf("row %q: %s is %q, which is no decimal", row.Key(), name, number))
		}
	}
	return errors.Join(faults...)
}

func numbers(row reflect.Value) map[string]exchange.Number {
	found := map[string]exchange.Number{}
	for i := range row.NumField() {
		field := row.Type().Field(i)
		switch v := row.Field(i).Interface().(type) {
		case exchange.Number:
			found[field.Name] = v
		case map[string]exchange.Number:
			for key, number := range v {
				found[field.Name+" of "+key] = number
			}
		}
	}
	return found
}

// isDecimal reports whether PostgreSQL's numeric reads s as a number other than
// its special ones.
func isDecimal(s string) bool {
	return regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$`).MatchString(s)
}

package bybit

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// The types of this file are the exchange's fields as they come: in a string
// or not, empty, null or missing. Each keeps "not given" apart from zero.

// unfit is the error for a value that T cannot hold. encoding/json adds the
// name of the field to an error of this type, and to no other.
func unfit[T any](data []byte) error {
	return &json.UnmarshalTypeError{Value: string(data), Type: reflect.TypeFor[T]()}
}

// scalar is the text of a JSON string or number; null is "". Composite values
// and booleans are an error.
func scalar[T any](data []byte) (string, error) {
	switch {
	case string(data) == "null":
		return "", nil
	case plain(data):
		return string(data[1 : len(data)-1]), nil
	case len(data) > 0 && data[0] == '"':
		var s string
		err := json.Unmarshal(data, &s)
		return s, err
	case len(data) > 0 && (data[0] == '-' || data[0] >= '0' && data[0] <= '9'):
		return string(data), nil
	default:
		return "", unfit[T](data)
	}
}

// text is text, or an id that is a number in some categories. A zero character,
// which no column of text can hold, makes it unfit.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	s, err := scalar[text](data)
	if err != nil {
		return err
	}
	if strings.ContainsRune(s, 0) {
		return unfit[text](data)
	}
	*t = text(s)
	return nil
}

// amount is a decimal, kept as sent.
type amount exchange.Number

func (a *amount) UnmarshalJSON(data []byte) error {
	s, err := scalar[amount](data)
	if err != nil {
		return err
	}
	if s != "" && !isDecimal(s) {
		return unfit[amount](data)
	}
	*a = amount(s)
	return nil
}

func (a amount) number() exchange.Number { return exchange.Number(a) }

// whole is a whole number of any length, kept as sent.
type whole exchange.Number

func (w *whole) UnmarshalJSON(data []byte) error {
	s, err := scalar[whole](data)
	if err != nil {
		return err
	}
	if s != "" && (len(s) > maxDecimal || unsigned(s) == "" || !digits(unsigned(s))) {
		return unfit[whole](data)
	}
	*w = whole(s)
	return nil
}

// outgoing is the amount below zero, its digits as sent.
func (a amount) outgoing() exchange.Number {
	if a == "" || isZero(string(a)) || strings.HasPrefix(string(a), "-") {
		return a.number()
	}
	return exchange.Number("-" + strings.TrimPrefix(string(a), "+"))
}

// millis is a time in milliseconds since 1970; "" and 0 are no time.
type millis struct{ at time.Time }

// lastMilli is the end of the year 9999, beyond which databases and JSON
// encoders give up.
const lastMilli = 253402300799999

func (m *millis) UnmarshalJSON(data []byte) error {
	s, err := scalar[millis](data)
	if err != nil || s == "" {
		return err
	}
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil || ms < 0 || ms > lastMilli {
		return unfit[millis](data)
	}
	if ms > 0 {
		m.at = time.UnixMilli(ms).UTC()
	}
	return nil
}

// seconds is a time in seconds since 1970; "" and 0 are no time.
type seconds struct{ at time.Time }

func (s *seconds) UnmarshalJSON(data []byte) error {
	value, err := scalar[seconds](data)
	if err != nil || value == "" {
		return err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > lastMilli/1000 {
		return unfit[seconds](data)
	}
	if n > 0 {
		s.at = time.Unix(n, 0).UTC()
	}
	return nil
}

// integer is a whole number; sent tells 0 from none.
type integer struct {
	value int64
	sent  bool
}

func (i *integer) UnmarshalJSON(data []byte) error {
	s, err := scalar[integer](data)
	if err != nil || s == "" {
		return err
	}
	i.value, err = strconv.ParseInt(s, 10, 64)
	if err != nil {
		return unfit[integer](data)
	}
	i.sent = true
	return nil
}

// integers is a list of whole numbers.
type integers []integer

func (i *integers) UnmarshalJSON(data []byte) error {
	var found values
	if err := found.UnmarshalJSON(data); err != nil {
		return err
	}
	*i = make(integers, len(found))
	for n, value := range found {
		if err := (*i)[n].UnmarshalJSON(value); err != nil {
			return err
		}
	}
	return nil
}

// amounts is an amount for each name; nil if there is none, or null.
type amounts map[string]amount

func (a *amounts) UnmarshalJSON(data []byte) error {
	*a = nil
	if string(data) == "null" {
		return nil
	}
	found := amounts{}
	if err := read(data, found); err != nil {
		return err
	}
	*a = found
	return nil
}

func (a amounts) field(name []byte) json.Unmarshaler { return namedAmount{all: a, name: string(name)} }

// namedAmount is where one of them goes.
type namedAmount struct {
	all  amounts
	name string
}

func (n namedAmount) UnmarshalJSON(data []byte) error {
	var value amount
	if strings.ContainsRune(n.name, 0) {
		return unfit[text](data)
	}
	err := value.UnmarshalJSON(data)
	n.all[n.name] = value
	return err
}

// optional is an amount that was sent, if only as "", or not.
type optional struct {
	value amount
	sent  bool
}

func (o *optional) UnmarshalJSON(data []byte) error {
	o.sent = string(data) != "null"
	return o.value.UnmarshalJSON(data)
}

// flag is a boolean, also as text; nil is none.
type flag struct{ value *bool }

func (f *flag) UnmarshalJSON(data []byte) error {
	var value bool
	switch string(data) {
	case "null", `""`:
		return nil
	case "true", `"true"`:
		value = true
	case "false", `"false"`:
	default:
		return unfit[flag](data)
	}
	f.value = &value
	return nil
}

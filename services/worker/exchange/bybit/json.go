package bybit

import (
	"encoding/json"
	"errors"
	"reflect"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// record is what a JSON object is read into, member by member: a row is read
// without reflection, and in one pass.
type record interface {
	// field is where the value of a member goes; nil for one that is not read. The
	// name is only good during the call.
	field(name []byte) json.Unmarshaler
}

// read reads an object into a record; null is an object without members. Of the
// values that do not fit it reports the first, and reads the others. The record
// may keep parts of raw.
func read(raw []byte, into record) error {
	object := object{raw: raw, readers: []reader{{record: into}}}
	if err := unmarshal(raw, &object); err != nil {
		return err
	}
	return object.readers[0].misfit
}

// unmarshal allows what encoding/json always has: a name that comes twice, whose
// last value counts, and text that is not quite UTF-8, which is mended where it
// is read.
func unmarshal(raw []byte, into any) error {
	return jsonv2.Unmarshal(raw, into, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// reader is a record on its way, and the first value that did not fit it.
type reader struct {
	record record
	misfit error
}

func (r *reader) take(name, value []byte) {
	field := r.record.field(name)
	if field == nil {
		return
	}
	if err := field.UnmarshalJSON(value); err != nil && r.misfit == nil {
		r.misfit = within(name, err)
	}
}

// within adds a member's name to an error of a value in it.
func within(name []byte, err error) error {
	var unfit *json.UnmarshalTypeError
	if !errors.As(err, &unfit) {
		return err
	}
	named := *unfit
	named.Field = string(name)
	if unfit.Field != "" {
		named.Field += "." + unfit.Field
	}
	return &named
}

// object gives the members of an object to all its readers.
type object struct {
	raw     []byte
	readers []reader
}

// UnmarshalJSONFrom returns only errors of syntax.
func (o *object) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '{':
	default:
		value, err := d.ReadValue()
		for i := range o.readers {
			o.readers[i].misfit = &json.UnmarshalTypeError{Value: string(value), Type: reflect.TypeOf(o.readers[i].record).Elem()}
		}
		return err
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	return members(d, o.raw, func(name []byte) error { return o.member(d, name) })
}

// member reads the value of a member.
func (o *object) member(d *jsontext.Decoder, name []byte) error {
	value, err := next(d, o.raw)
	if err != nil {
		return err
	}
	for i := range o.readers {
		o.readers[i].take(name, value)
	}
	return nil
}

// members goes from an object's first brace to its last. It reads the names;
// each member's value is read by value.
func members(d *jsontext.Decoder, raw []byte, value func(name []byte) error) error {
	for d.PeekKind() != '}' {
		name, err := next(d, raw)
		if err != nil {
			return err
		}
		if name, err = unquoted(name); err != nil {
			return err
		}
		if err := value(name); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// next is the next value as a part of raw, which the decoder's own is only until
// it reads on.
func next(d *jsontext.Decoder, raw []byte) ([]byte, error) {
	value, err := d.ReadValue()
	end := d.InputOffset()
	return raw[end-int64(len(value)) : end], err
}

// unquoted is the text of a JSON string.
func unquoted(text []byte) ([]byte, error) {
	if plain(text) {
		return text[1 : len(text)-1], nil
	}
	var s string
	err := json.Unmarshal(text, &s)
	return []byte(s), err
}

// plain reports whether a JSON string is ASCII without escapes, so that what it
// says is what it shows.
func plain(data []byte) bool {
	last := len(data) - 1
	if last < 1 || data[0] != '"' || data[last] != '"' {
		return false
	}
	for _, c := range data[1:last] {
		if c == '\\' || c == '"' || c < ' ' || c >= 0x80 {
			return false
		}
	}
	return true
}

// values are those of an array, each a part of it; nil if there is none, or null.
type values []json.RawMessage

func (v *values) UnmarshalJSON(data []byte) error {
	array := array{raw: data}
	err := unmarshal(data, &array)
	*v = array.values
	return errors.Join(err, array.misfit)
}

type array struct {
	raw    []byte
	values values
	misfit error
}

// UnmarshalJSONFrom returns only errors of syntax.
func (a *array) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '[':
	default:
		value, err := d.ReadValue()
		a.misfit = unfit[values](value)
		return err
	}
	var err error
	a.values, err = elements(d, a.raw)
	return err
}

// elements cuts an array into its values.
func elements(d *jsontext.Decoder, raw []byte) (values, error) {
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	found := values{}
	for d.PeekKind() != ']' {
		value, err := next(d, raw)
		if err != nil {
			return nil, err
		}
		found = append(found, value)
	}
	_, err := d.ReadToken()
	return found, err
}

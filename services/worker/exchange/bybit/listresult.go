package bybit

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// listResult is the result of a list endpoint: most call their rows list, the
// asset endpoints do not.
type listResult struct {
	List       values
	Rows       values
	Balance    values
	SubMembers values
	Cursor     text
}

func (r *listResult) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "list":
		return &r.List
	case "rows":
		return &r.Rows
	case "balance":
		return &r.Balance
	case "subMembers":
		return &r.SubMembers
	case "nextPageCursor":
		return &r.Cursor
	default:
		return nil
	}
}

func (r listResult) rowsOf(ep endpoint) values {
	switch ep {
	case depositRecords, withdrawalRecords:
		return r.Rows
	case coinBalances:
		return r.Balance
	case subMembers:
		return r.SubMembers
	default:
		return r.List
	}
}

// listing is a result's listResult, read on the way through the envelope: a long
// answer is not gone through once more for its lists, and again for their rows.
// Of what is in no field of listResult it keeps nothing, so that it takes no more
// memory for the answers of other endpoints.
type listing struct {
	result listResult
	misfit error // the first value that did not fit
}

// readFrom reads an object, whose text it returns. Its errors are those of syntax.
func (l *listing) readFrom(d *jsontext.Decoder, raw []byte) ([]byte, error) {
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	start := d.InputOffset() - 1
	reader := reader{record: &l.result}
	err := members(d, raw, func(name []byte) error { return reader.member(d, raw, name) })
	l.misfit = reader.misfit
	return raw[start:d.InputOffset()], err
}

// member is take for a value that is still to be read. A list is cut on the way.
func (r *reader) member(d *jsontext.Decoder, raw, name []byte) error {
	if list, ok := r.record.field(name).(*values); ok && d.PeekKind() == '[' {
		found, err := elements(d, raw)
		*list = found
		return err
	}
	value, err := next(d, raw)
	if err != nil {
		return err
	}
	r.take(name, value)
	return nil
}

// listed is the result as a list endpoint's. One that is no object is read for
// what is to be said of it.
func (r reply) listed() (listResult, error) {
	if bytes.HasPrefix(r.result, []byte("{")) {
		return r.listing.result, r.listing.misfit
	}
	var none listResult
	err := read(r.result, &none)
	return none, err
}

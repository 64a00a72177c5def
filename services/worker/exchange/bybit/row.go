package bybit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// recordOf is a T that an object is read into.
type recordOf[T any] interface {
	*T
	record
}

// decoded is a row and the fields of its key, which are read apart, so that a
// fault anywhere else in the row still knows which row it is in.
type decoded[K, R any] struct {
	key    K
	row    R
	misfit error // of the row
}

// decodeRow reads a row. A fault says that its key cannot be read; whether the
// rest could is for unread.
func decodeRow[K, R any, PK recordOf[K], PR recordOf[R]](s *session, raw json.RawMessage) (*decoded[K, R], *exchange.RowFault) {
	var got decoded[K, R]
	object := object{raw: raw, readers: []reader{{record: PK(&got.key)}, {record: PR(&got.row)}}}
	err := unmarshal(raw, &object)
	if err == nil {
		err = object.readers[0].misfit
	}
	if err != nil {
		return nil, s.rowFault(raw, "", s.misfit(err, ""))
	}
	got.misfit = object.readers[1].misfit
	return &got, nil
}

// unread is the fault of a row of which only the key could be read.
func (d *decoded[K, R]) unread(s *session, raw json.RawMessage, key string) *exchange.RowFault {
	if d.misfit == nil {
		return nil
	}
	return s.rowFault(raw, key, s.misfit(d.misfit, ""))
}

func (s *session) rowFault(raw json.RawMessage, key, reason string) *exchange.RowFault {
	return &exchange.RowFault{Key: key, Reason: s.redact(reason, ""), Payload: s.rowPayload(raw)}
}

// maxQuote bounds what is quoted of a value that cannot be read.
const maxQuote = 60

// misfit names the field that could not be read, and what was in it. It is
// redacted before it is cut, so that no half of a secret remains.
func (s *session) misfit(err error, signature string) string {
	var unfit *json.UnmarshalTypeError
	if !errors.As(err, &unfit) {
		return s.redact(err.Error(), signature)
	}
	field := unfit.Field
	if field == "" {
		field = "the whole"
	}
	value := s.redact(unfit.Value, signature)
	if len(value) > maxQuote {
		value = strings.ToValidUTF8(value[:maxQuote], "") + "…"
	}
	return fmt.Sprintf("%s: %s cannot be read as %s", field, value, unfit.Type.Name())
}

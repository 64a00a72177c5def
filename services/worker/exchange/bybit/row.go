package bybit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// decodeRow reads a row as R. key is what is known of the row's key.
func decodeRow[R any](s *session, raw json.RawMessage, key string) (R, *exchange.RowFault) {
	var row R
	if err := json.Unmarshal(raw, &row); err != nil {
		return row, s.rowFault(raw, key, s.misfit(err, ""))
	}
	return row, nil
}

// decodeKey reads only the fields of a row's key, so that a fault anywhere
// else in the row still knows which row it is in.
func decodeKey[K any](s *session, raw json.RawMessage) (K, *exchange.RowFault) {
	return decodeRow[K](s, raw, "")
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

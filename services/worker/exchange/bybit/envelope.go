package bybit

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// answer is what came over the wire.
type answer struct {
	endpoint  endpoint
	status    int
	header    http.Header
	body      []byte
	signature string // of the request, to be redacted
}

// envelope is around every answer. What is in result depends on the endpoint,
// and on an error it may be {}, [] or null whatever the endpoint, so whether it
// fits is looked at only after retCode. Result and the rows in Listing are parts of
// the body, and keep it in memory.
type envelope struct {
	RetCode integer
	RetMsg  text
	Result  []byte
	Listing listing // of a result that is an object
	Time    millis
}

// field has all but the result, which opening reads.
func (r *envelope) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "retCode":
		return &r.RetCode
	case "retMsg":
		return &r.RetMsg
	case "time":
		return &r.Time
	default:
		return nil
	}
}

// reply is a successful answer. at is the exchange's clock when it answered,
// zero if it did not say: the documentation shows account/info without it.
type reply struct {
	answer
	result  []byte
	listing listing
	at      time.Time
}

func parseEnvelope(body []byte) (envelope, error) {
	var e envelope
	if err := open(body, &e); err != nil {
		return envelope{}, err
	}
	if !e.RetCode.sent {
		return envelope{}, errors.New("there is no retCode")
	}
	return e, nil
}

// open is read for an envelope, which is read together with what is in its result.
func open(body []byte, into *envelope) error {
	opening := opening{object: object{raw: body, readers: []reader{{record: into}}}, envelope: into}
	if err := unmarshal(body, &opening); err != nil {
		return err
	}
	return opening.readers[0].misfit
}

// opening is the object that an envelope is read from.
type opening struct {
	object
	envelope *envelope
}

// UnmarshalJSONFrom returns only errors of syntax.
func (o *opening) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		return o.object.UnmarshalJSONFrom(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	return members(d, o.raw, func(name []byte) error {
		if string(name) == "result" {
			return o.envelope.readResult(d, o.raw)
		}
		return o.member(d, name)
	})
}

// readResult leaves nothing of a result that came before.
func (r *envelope) readResult(d *jsontext.Decoder, raw []byte) error {
	r.Listing = listing{}
	var err error
	if d.PeekKind() == '{' {
		r.Result, err = r.Listing.readFrom(d, raw)
	} else {
		r.Result, err = next(d, raw)
	}
	return err
}

// judge turns an answer into a reply or a classified fault.
func (s *session) judge(a answer) (reply, *exchange.Error) {
	if len(a.body) > maxBody {
		return reply{}, &exchange.Error{Class: exchange.Decode, Message: fmt.Sprintf("the answer is larger than %d MiB", maxBody>>20)}
	}
	e, err := parseEnvelope(a.body)
	if a.status/100 != 2 {
		return reply{}, s.refused(a, e, err)
	}
	if err != nil {
		return reply{}, s.garbled(a, err)
	}
	if e.RetCode.value != 0 {
		return reply{}, s.codeFault(a, e)
	}
	return reply{answer: a, result: e.Result, listing: e.Listing, at: answeredAt(a, e)}, nil
}

// refused handles a status that is not 2xx. A code that we know says more than
// the status, except that a server in trouble is in trouble whatever it says.
func (s *session) refused(a answer, e envelope, err error) *exchange.Error {
	if err == nil && a.status < http.StatusInternalServerError {
		if _, known := classOfCode(e.RetCode.value); known {
			return s.codeFault(a, e)
		}
	}
	return s.statusFault(a)
}

// garbled tells an answer that was cut off or is a web page, which may be whole
// the next time, from JSON of a shape that we do not know, which will not.
func (s *session) garbled(a answer, err error) *exchange.Error {
	fault := &exchange.Error{
		Class:   exchange.Decode,
		Message: "the answer is JSON, but not of the form that the exchange documents",
		Payload: s.payload(a.body, a.signature),
		Cause:   s.mismatch(err, a.signature),
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		fault.Class, fault.Message = exchange.Transient, "the answer is not JSON, or only a part of it"
	}
	return fault
}

// answeredAt takes the envelope's time, else that of the Timenow header.
func answeredAt(a answer, e envelope) time.Time {
	if !e.Time.at.IsZero() {
		return e.Time.at
	}
	var header millis
	if err := header.UnmarshalJSON([]byte(a.header.Get("Timenow"))); err != nil {
		return time.Time{}
	}
	return header.at
}

// decodeResult reads the result of an answer as R.
func decodeResult[R any](s *session, got reply) (R, *exchange.Error) {
	var result R
	if err := json.Unmarshal(got.result, &result); err != nil {
		return result, s.shapeFault(got, err)
	}
	return result, nil
}

// shapeFault reports a result that does not have the documented shape.
func (s *session) shapeFault(got reply, cause error) *exchange.Error {
	return during(got.endpoint, &exchange.Error{
		Class:   exchange.Decode,
		Message: "the result is not of the form that the exchange documents",
		Payload: s.payload(got.body, got.signature),
		Cause:   s.mismatch(cause, got.signature),
	})
}

// mismatch says what did not fit, without a secret that may have been in it.
func (s *session) mismatch(err error, signature string) error {
	return errors.New(s.misfit(err, signature))
}

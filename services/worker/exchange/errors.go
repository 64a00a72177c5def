package exchange

import (
	"errors"
	"fmt"
	"time"
)

// Class is the kind of a fault; it alone decides what happens next. The values
// are those of syncjob.Class, repeated here so that an adapter needs no other
// package of ours.
type Class string

// The classes an adapter can report, and what each one ends.
const (
	// Transient: network, 5xx, 429 without a code, a body that is not or only
	// partly JSON. Ends the job's attempt.
	Transient Class = "transient"
	// RateLimited: the exchange asked this key to slow down. Ends the attempt;
	// RetryAt says when it may go on, zero if the exchange did not say.
	RateLimited Class = "rate_limited"
	// Banned: the exchange refuses this address. Ends the attempt, and every
	// worker of the address stops until RetryAt.
	Banned Class = "banned"
	// ClockSkew: a timestamp outside the exchange's tolerance, ours or its.
	ClockSkew Class = "clock_skew"
	// Auth: the key is invalid, expired or blocked. Ends the job at once.
	Auth Class = "auth"
	// Permission: the key may not read this. Ends the scope.
	Permission Class = "permission"
	// Unsupported: the account's mode or region does not have this. Ends the scope.
	Unsupported Class = "unsupported"
	// BadRequest: the exchange does not understand our parameters. Ends the scope.
	BadRequest Class = "bad_request"
	// Decode: valid JSON of a shape we do not know. Ends the scope.
	Decode Class = "decode"
	// Incomplete: a cursor stuck, a page missing, a row not understood. Ends
	// the scope: good rows are stored, nothing in doubt is deleted.
	Incomplete Class = "incomplete"
	// Maintenance: the exchange says it is closed, until RetryAt.
	Maintenance Class = "maintenance"
)

// TooManyPages is the code of an Incomplete fault of a walk that was given up
// because it has more pages than one walk may have: a shorter window may do.
const TooManyPages = "too_many_pages"

// EndsJob reports whether a fault of this class ends the whole attempt and not
// only the scope it met.
func (c Class) EndsJob() bool {
	switch c {
	case Transient, RateLimited, Banned, ClockSkew, Auth, Maintenance:
		return true
	default:
		return false
	}
}

// Error is a classified fault of one call or one walk. Message never holds a
// key, a secret, a signature or a signed string.
type Error struct {
	Class   Class
	Code    string // the exchange's own code, or "http 502", TooManyPages, or ""
	Message string
	RetryAt time.Time // by the local clock; zero when unknown
	Payload []byte    // the offending body, redacted and cut; may be nil
	Cause   error
	// Unclassified is set when the exchange's code is in no table of the
	// adapter. Such a fault is Transient, but tried only once more in a call:
	// it may well be the same every time.
	Unclassified bool
}

func (e *Error) Error() string {
	s := string(e.Class)
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Cause != nil {
		s = fmt.Sprintf("%s: %v", s, e.Cause)
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// ClassOf gives the class of err, or "" if no Error is in its chain.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ""
}

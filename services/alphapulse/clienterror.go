package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// apiError is an answer of the API, or the lack of one, as a person is told.
type apiError struct {
	code    connect.Code
	text    string
	problem *controlv1.Problem // never nil
}

// Error says what is wrong and, on a line of its own, what to do.
func (e *apiError) Error() string {
	if next := e.problem.GetNextStep(); next != "" {
		return e.text + "\n  Next: " + next
	}
	return e.text
}

// explainCall gives an error of a call its text. ctx is the caller's own: if it
// has ended, that is the reason.
func explainCall(ctx context.Context, err error, base *url.URL) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var told *connect.Error
	if !errors.As(err, &told) {
		return err
	}
	out := &apiError{code: told.Code(), text: told.Message(), problem: problemOf(told)}
	if out.problem != nil {
		return out
	}
	out.problem = &controlv1.Problem{}
	switch told.Code() {
	case connect.CodeUnavailable:
		out.text = fmt.Sprintf("the API at %s cannot be reached (%s)", base, lastCause(told))
		out.problem.NextStep = "is `alphapulse up` running? If it is elsewhere, set " + apiSetting + " to its address"
	case connect.CodeDeadlineExceeded:
		out.text = fmt.Sprintf("the API at %s did not answer within %s", base, callPatience)
		out.problem.NextStep = "`alphapulse doctor` looks for the cause"
	case connect.CodeUnimplemented, connect.CodeUnknown:
		out.text = fmt.Sprintf("what answers at %s is not this version's API (%s)", base, told.Message())
		out.problem.NextStep = "set " + apiSetting + " to the address that `alphapulse up` or `alphapulse api` prints"
	}
	return out
}

func problemOf(told *connect.Error) *controlv1.Problem {
	for _, detail := range told.Details() {
		if value, err := detail.Value(); err == nil {
			if problem, ok := value.(*controlv1.Problem); ok {
				return problem
			}
		}
	}
	return nil
}

// lastCause is the innermost error: "connect: connection refused" without the
// address, which the message has already.
func lastCause(err error) string {
	text := err.Error()
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		text = inner.Error()
	}
	return strings.TrimPrefix(text, "unavailable: ")
}

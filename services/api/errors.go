package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// Classes of problems. They tell a program whose turn it is.
const (
	classBadRequest      = "bad_request"
	classNotFound        = "not_found"
	classConflict        = "conflict"
	classAccountState    = "account_state"
	classUnauthenticated = "unauthenticated"
	classForbidden       = "forbidden"
	classOverload        = "overload"
	classDatabase        = "database"
	classBroker          = "broker"
	classStopping        = "stopping"
	classInternal        = "internal"
)

// problem is an error with its detail.
func problem(code connect.Code, err error, p *controlv1.Problem) error {
	out := connect.NewError(code, err)
	if detail, err := connect.NewErrorDetail(p); err == nil {
		out.AddDetail(detail)
	}
	return out
}

func badRequest(reason, nextStep string, err error) error {
	return problem(connect.CodeInvalidArgument, err,
		&controlv1.Problem{Class: classBadRequest, Reason: reason, NextStep: nextStep})
}

func notFound(reason, nextStep string, err error) error {
	return problem(connect.CodeNotFound, err,
		&controlv1.Problem{Class: classNotFound, Reason: reason, NextStep: nextStep})
}

// explain gives an error of the tables its code and its problem. What is
// already an answer stays as it is. A fault nobody foresaw keeps its text for
// the log alone.
func explain(err error) error {
	var done *connect.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &done):
		return err
	case errors.Is(err, context.Canceled):
		return problem(connect.CodeCanceled, err, &controlv1.Problem{Class: classBadRequest, Reason: "cancelled"})
	case errors.Is(err, ledger.ErrNotFound):
		return problem(connect.CodeNotFound, err, &controlv1.Problem{Class: classNotFound, Reason: "not_found"})
	case errors.Is(err, ledger.ErrNameTaken):
		return problem(connect.CodeAlreadyExists, err, &controlv1.Problem{
			Class: classConflict, Reason: "name_taken",
			NextStep: "choose another name, or give that account a new key with `alphapulse accounts set-key`",
		})
	}
	return explainDatabase(err)
}

func explainDatabase(err error) error {
	again := func(code connect.Code, reason, text string) error {
		return problem(code, errors.New(text), &controlv1.Problem{
			Class: classDatabase, Reason: reason, RetryHelps: true, NextStep: "try again in a moment",
		})
	}
	switch postgres.Classify(err) {
	case postgres.ClassConnection:
		return again(connect.CodeUnavailable, "database_away", "the database does not answer")
	case postgres.ClassResources:
		return again(connect.CodeResourceExhausted, "database_busy", "the database has nothing left to give")
	case postgres.ClassSerialization, postgres.ClassLockTimeout:
		return again(connect.CodeUnavailable, "database_contended", "others are changing the same rows")
	case postgres.ClassQueryCanceled, postgres.ClassCanceled:
		return again(connect.CodeDeadlineExceeded, "database_slow", "the database did not answer in time")
	case postgres.ClassUnknownCommit:
		return problem(connect.CodeUnavailable, errors.New("the database did not say whether it stored the change"),
			&controlv1.Problem{
				Class: classDatabase, Reason: "unknown_commit",
				NextStep: "look whether the change is there before making it again",
			})
	}
	return problem(connect.CodeInternal, errors.New("the API failed"), &controlv1.Problem{
		Class: classInternal, Reason: "internal", NextStep: "the API's log has the cause; `alphapulse doctor` looks for it",
	})
}

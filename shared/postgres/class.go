package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

// Class says what an error of the database means for the work that met it.
// It is decided by SQLSTATE, never by message text, and only here.
type Class string

const (
	// ClassNone is the class of a nil error.
	ClassNone Class = ""
	// ClassSerialization: the transaction lost against another one (40001,
	// 40P01, ErrOvertaken, or a cached plan that a migration made stale). Nothing
	// of it was stored; running all of it again is right. InTx has already done so.
	ClassSerialization Class = "serialization"
	// ClassConnection: the server is away, going away, or no longer the
	// primary. Nothing is wrong with the work: it waits for the database.
	ClassConnection Class = "connection"
	// ClassResources: the server or the pool has nothing left to give (53xxx,
	// 58xxx, ErrPoolExhausted). Back off and take less work.
	ClassResources Class = "resources"
	// ClassLockTimeout: another transaction held a lock longer than
	// lock_timeout (55P03). Put the work aside for a moment.
	ClassLockTimeout Class = "lock_timeout"
	// ClassQueryCanceled: statement_timeout, transaction timeout or a
	// cancellation by an operator (57014).
	ClassQueryCanceled Class = "query_canceled"
	// ClassUniqueViolation: the row is already there (23505). Violates names
	// the constraint.
	ClassUniqueViolation Class = "unique_violation"
	// ClassUnknownCommit: COMMIT was sent and no answer came. The transaction
	// may or may not have been stored: look before doing anything else.
	ClassUnknownCommit Class = "unknown_commit"
	// ClassCanceled: the caller's own context ended; it says nothing about the
	// database.
	ClassCanceled Class = "canceled"
	// ClassNoRows: a query for one row found none.
	ClassNoRows Class = "no_rows"
	// ClassPermanent: everything else (constraint violations, wrong SQL, wrong
	// credentials). Repeating it repeats the error.
	ClassPermanent Class = "permanent"
)

// SQLSTATE codes that decide a class on their own.
const (
	codeReadOnlyTransaction   = "25006"
	codeIdleInTransaction     = "25P03"
	codeUniqueViolation       = "23505"
	codeUndefinedTable        = "42P01"
	codeInvalidSchema         = "3F000"
	codeInvalidCatalog        = "3D000"
	codeSerializationFailure  = "40001"
	codeCompletionUnknown     = "40003"
	codeDeadlock              = "40P01"
	codeLockNotAvailable      = "55P03"
	codeQueryCanceled         = "57014"
	codeAdminShutdown         = "57P01"
	codeCrashShutdown         = "57P02"
	codeCannotConnectNow      = "57P03"
	codeIdleSession           = "57P05"
	codeFeatureNotSupported   = "0A000"
	codeResolutionUnknown     = "08007"
	routineStalePlan          = "RevalidateCachedQuery"
	classConnectionPrefix     = "08"
	classResourcesPrefix      = "53"
	classSystemErrorPrefix    = "58"
	classAuthorizationPrefix  = "28"
	severityFatal             = "FATAL"
	severityPanic             = "PANIC"
	searchPath                = "alphapulse, public"
	maxApplicationNameInBytes = 63
)

// Classify decides the class of any error this package, pgx or the server
// returned, however it was wrapped. An error that is none of theirs is
// ClassPermanent.
func Classify(err error) Class {
	var pgErr *pgconn.PgError
	switch {
	case err == nil:
		return ClassNone
	case errors.Is(err, ErrUnknownCommit):
		return ClassUnknownCommit
	case errors.Is(err, ErrOvertaken):
		return ClassSerialization
	case errors.Is(err, ErrPoolExhausted):
		return ClassResources
	case errors.Is(err, ErrTransactionTimeout):
		return ClassQueryCanceled
	case errors.Is(err, ErrReadOnly):
		return ClassConnection
	case errors.As(err, &pgErr):
		return classifySQLState(pgErr)
	case isConnectionFailure(err):
		return ClassConnection
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, puddle.ErrClosedPool):
		return ClassCanceled
	case errors.Is(err, pgx.ErrNoRows):
		return ClassNoRows
	case isNetworkFailure(err):
		return ClassConnection
	}
	return ClassPermanent
}

func classifySQLState(err *pgconn.PgError) Class {
	switch err.Code {
	case codeSerializationFailure, codeDeadlock:
		return ClassSerialization
	case codeFeatureNotSupported:
		if err.Routine == routineStalePlan {
			return ClassSerialization
		}
		return ClassPermanent
	case codeAdminShutdown, codeCrashShutdown, codeCannotConnectNow, codeIdleSession,
		codeReadOnlyTransaction, codeIdleInTransaction:
		return ClassConnection
	case codeLockNotAvailable:
		return ClassLockTimeout
	case codeQueryCanceled:
		return ClassQueryCanceled
	case codeUniqueViolation:
		return ClassUniqueViolation
	}
	switch {
	case strings.HasPrefix(err.Code, classConnectionPrefix):
		return ClassConnection
	case strings.HasPrefix(err.Code, classResourcesPrefix), strings.HasPrefix(err.Code, classSystemErrorPrefix):
		return ClassResources
	}
	return ClassPermanent
}

// isConnectionFailure is true for failures that are the connection's even when
// a deadline is somewhere in their chain, such as a dial that timed out.
func isConnectionFailure(err error) bool {
	var connectErr *pgconn.ConnectError
	return errors.Is(err, ErrUnavailable) || errors.As(err, &connectErr)
}

func isNetworkFailure(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed)
}

// IsConnection reports whether the database, not the work, is the reason.
func IsConnection(err error) bool { return Classify(err) == ClassConnection }

// NoConnection reports that no connection was to be had: the server is away or
// has too many clients, or the pool is exhausted. Nothing was sent, so waiting
// and asking again may help and does no harm.
func NoConnection(err error) bool {
	return errors.Is(err, ErrPoolExhausted) || isConnectionFailure(err) && !isRefusal(err)
}

// Violates reports whether err is a unique violation (23505) of the named
// constraint or unique index. An empty name matches any.
func Violates(err error, constraint string) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != codeUniqueViolation {
		return false
	}
	return constraint == "" || pgErr.ConstraintName == constraint
}

// SQLState returns the server's code, or "" when the server did not answer.
func SQLState(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return ""
}

// isRefusal is true for answers that waiting will not change: wrong user,
// password or host entry, or a database that does not exist.
func isRefusal(err error) bool {
	code := SQLState(err)
	return strings.HasPrefix(code, classAuthorizationPrefix) || code == codeInvalidCatalog
}

// demandsReset is true when one connection's error condemns all of them: the
// server is stopping, or is no longer the primary.
func demandsReset(err error) bool {
	switch SQLState(err) {
	case codeAdminShutdown, codeCrashShutdown, codeReadOnlyTransaction:
		return true
	}
	return false
}

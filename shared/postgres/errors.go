package postgres

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrPoolExhausted: every connection of the pool is in use and none came
	// back in time. Its text names who holds them.
	ErrPoolExhausted = errors.New("connection pool exhausted")
	// ErrUnavailable: no connection to the server could be made in time.
	ErrUnavailable = errors.New("postgres is not reachable")
	// ErrReadOnly: the server answers and refuses writes: it is a replica, was
	// demoted to one, or was set read-only.
	ErrReadOnly = errors.New("postgres is read-only here: this server is not the primary")
	// ErrUnknownCommit: COMMIT was sent and no answer came. The transaction may
	// have been stored. Read what it would have changed before anything else.
	ErrUnknownCommit = errors.New("commit outcome unknown")
	// ErrNestedTransaction: the database was asked for a connection from inside
	// a transaction's closure. With one pool that is a deadlock under load, with
	// two it is a write the transaction does not cover.
	ErrNestedTransaction = errors.New("already inside a transaction")
	// ErrOvertaken: the closure met a row that another transaction has committed since it
	// looked. Nothing of it was stored, and run again it sees that row: ClassSerialization.
	ErrOvertaken = errors.New("another transaction has written the same rows meanwhile")
	// ErrTransactionScope: the closure tried to end the transaction itself.
	ErrTransactionScope = errors.New("a transaction is ended by returning from its closure")
	// ErrTransactionTimeout: the closure ran longer than Config.TransactionTimeout.
	ErrTransactionTimeout = errors.New("transaction timeout")
	// ErrSchemaOld: the database lacks migrations that this program needs.
	ErrSchemaOld = errors.New("database schema is too old: run `alphapulse migrate`")
	// ErrSchemaNew: the database was migrated by a newer program.
	ErrSchemaNew = errors.New("database schema is too new: this program is older than the database")
)

// Holder is one user of a pooled connection.
type Holder struct {
	Label string
	Held  time.Duration
}

// ExhaustedError is the detail behind ErrPoolExhausted.
type ExhaustedError struct {
	Pool    string
	Size    int32
	Waited  time.Duration
	Label   string   // who asked
	Holders []Holder // longest first
	cause   error
}

// maxHoldersNamed bounds the message; a pool may be large.
const maxHoldersNamed = 8

// Error names the pool, its size, the time waited and who holds what.
func (e *ExhaustedError) Error() string {
	held := make([]string, 0, maxHoldersNamed)
	for i, h := range e.Holders {
		if i == maxHoldersNamed {
			held = append(held, fmt.Sprintf("and %d more", len(e.Holders)-i))
			break
		}
		held = append(held, fmt.Sprintf("%s (%s)", h.Label, h.Held.Round(time.Millisecond)))
	}
	return fmt.Sprintf("%v: pool %q: all %d connections in use, waited %s for %q; held by: %s",
		ErrPoolExhausted, e.Pool, e.Size, e.Waited.Round(time.Millisecond), e.Label, strings.Join(held, ", "))
}

// Is makes errors.Is(err, ErrPoolExhausted) true.
func (e *ExhaustedError) Is(target error) bool { return target == ErrPoolExhausted }

// Unwrap returns the end of the caller's context, if that came first.
func (e *ExhaustedError) Unwrap() error { return e.cause }

package daemon

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic that was recovered. Its message leaves the stack out,
// which belongs into a log field of its own.
type PanicError struct {
	Value any
	Stack []byte
}

// Error names the value that the code panicked with.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap is the value that the code panicked with, if that was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)

	return err
}

// Guard calls fn and returns its error, or a [PanicError] when it panics.
func Guard(fn func() error) (err error) {
	returned := false

	defer func() {
		if returned {
			return
		}

		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()

	err = fn()
	returned = true

	return err
}

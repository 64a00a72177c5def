package api

import (
	"net/http"
	"time"
)

// bounded gives up callers who do not read: a write of an answer that is not
// taken within limit fails, and its connection is closed. Without it an export
// holds its transaction, and with it the oldest snapshot of the database, for as
// long as its reader's connection lives.
func bounded(limit time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &boundedWriter{ResponseWriter: w, control: http.NewResponseController(w), limit: limit}
		// What is left in the server's buffer is sent when this has returned; then the
		// server takes the deadline away.
		defer answer.begin()
		next.ServeHTTP(answer, r)
	})
}

// boundedWriter has a deadline for each write and none in between, so that a
// stream may be silent for as long as it likes.
type boundedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
}

// Write implements http.ResponseWriter.
func (w *boundedWriter) Write(p []byte) (int, error) {
	w.begin()
	defer w.end()
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher, which streams need.
func (w *boundedWriter) Flush() {
	w.begin()
	defer w.end()
	// A writer that cannot flush does not stream either.
	_ = w.control.Flush()
}

// Unwrap gives http.ResponseController the writer behind this one.
func (w *boundedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// begin and end cannot fail on a connection that is open; on one that is not the
// write does.
func (w *boundedWriter) begin() { _ = w.control.SetWriteDeadline(time.Now().Add(w.limit)) }

func (w *boundedWriter) end() { _ = w.control.SetWriteDeadline(time.Time{}) }

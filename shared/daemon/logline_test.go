package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
)

type (
	word string
	loud string
	num  int16
)

// MarshalText implements encoding.TextMarshaler.
func (l loud) MarshalText() ([]byte, error) { return []byte(l + "!"), nil }

// written is the line that a formatter makes of an entry.
func written(formatter logrus.Formatter, message string, fields logrus.Fields, caller bool) string {
	var out bytes.Buffer

	logger := logrus.New()
	logger.SetOutput(&out)
	logger.SetFormatter(formatter)
	logger.SetReportCaller(caller)
	logger.WithTime(time.Date(2026, 5, 6, 7, 8, 9, 10, time.FixedZone("", 3600))).WithFields(fields).Warn(message)

	return out.String()
}

func TestLinesAreThoseOfLogrus(t *testing.T) {
	t.Parallel()

	formatter := logrus.JSONFormatter{TimestampFormat: logTime, DisableHTMLEscape: true}

	messages := []string{"plain", "", `"quoted"`, `back\slash`, "two\nlines", "żółć", "a\u2028b", "\xff", "<&>", "\x7f"}
	for _, message := range messages {
		fields := logrus.Fields{"text": message, message: 1, "error": errors.New(message), "word": word(message)}
		require.Equal(t, written(&formatter, message, fields, false), written(&jsonLines{formatter}, message, fields, false))
		require.Equal(t, written(&formatter, message, nil, false), written(&jsonLines{formatter}, message, nil, false))
	}

	for name, value := range map[string]any{
		"nothing": nil, "int": -7, "num": num(-3), "int64": int64(math.MinInt64), "uint64": uint64(math.MaxUint64),
		"byte": byte(3), "bool": true, "duration": 3 * time.Second, "float": 0.25, "small": 1e-9, "bytes": []byte("x"),
		"list": []string{"a", `"`}, "map": map[string]int{"b": 1, "a": 2}, "loud": loud("x"), "time": time.Unix(1, 2),
		"pointer": &[]int{1}[0], "stringer": fmt.Stringer(time.Second), "level": "l", "msg": "m", "func": "f",
		"file": "f", "logrus_error": "e", "error": fmt.Errorf("a: %w", errors.ErrUnsupported), "uintptr": uintptr(9),
		"struct": struct{ A string }{"a"}, "": "no name", "number": json.Number("1.50"),
	} {
		fields := logrus.Fields{name: value, "account": "a", "zone": "z"}
		require.Equal(t, written(&formatter, "m", fields, false), written(&jsonLines{formatter}, "m", fields, false), name)
		require.Equal(t, written(&formatter, "m", fields, true), written(&jsonLines{formatter}, "m", fields, true), name)
	}
}

// What a job logs takes the short way.
func TestALineOfPlainFieldsIsNotLeftToLogrus(t *testing.T) {
	t.Parallel()

	entry := logrus.NewEntry(logrus.New()).WithFields(logrus.Fields{
		"account": "main", "data_type": word("balances"), "attempt": 1, "duration_ms": int64(35), "ok": true,
		"error": errors.New("timeout"),
	})
	entry.Message = "committed"
	line, plain := appendEntry(nil, entry, logTime)
	require.True(t, plain, "%s", line)
}

// BenchmarkLine compares a line of a job's log by both.
func BenchmarkLine(b *testing.B) {
	formatter := logrus.JSONFormatter{TimestampFormat: logTime, DisableHTMLEscape: true}
	entry := logrus.NewEntry(logrus.New()).WithFields(logrus.Fields{
		"service": "worker", "worker": "worker-1", "pid": 4711, "account": "main", "data_type": word("balances"),
		"job_id": "0197b6a4-9c0e-7c35-8a63-9d1e6c0c8d13", "run_id": "0197b6a4-9c0e-7c35-8a63-9d1e6c0c8d14",
		"attempt": 1, "rows": 20, "duration_ms": int64(35),
	})
	entry.Message = "committed"

	for name, f := range map[string]logrus.Formatter{"logrus": &formatter, "lines": &jsonLines{formatter}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()

			entry.Buffer = new(bytes.Buffer)
			for b.Loop() {
				entry.Buffer.Reset()

				if _, err := f.Format(entry); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package tracing

import "github.com/sirupsen/logrus"

// The fields of a log's lines.
const (
	fieldRun   = "run_id"
	fieldTrace = "trace_id"
)

// LogHook adds the trace's id to every line that names a run.
type LogHook struct{}

// Levels implements logrus.Hook.
func (LogHook) Levels() []logrus.Level { return logrus.AllLevels }

// Fire implements logrus.Hook. The entry is the line's own.
func (LogHook) Fire(line *logrus.Entry) error {
	runID, ok := line.Data[fieldRun].(string)
	if !ok {
		return nil
	}
	if id := TraceID(runID); id.IsValid() {
		line.Data[fieldTrace] = id.String()
	}
	return nil
}

package daemon

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"gopkg.in/natefinch/lumberjack.v2"
)

const (
	// FormatJSON writes one JSON object a line, for machines.
	FormatJSON = "json"

	// FormatText writes key=value lines, for people.
	FormatText = "text"

	// logTime is RFC 3339 with all nine digits, so that lines sort as text.
	logTime = "2006-01-02T15:04:05.000000000Z07:00"
)

// Log describes a process's log. The zero value writes JSON at level info to
// standard error.
//
// Every line carries service, worker (when there is one) and pid, and a time
// in UTC as RFC 3339 with nanoseconds. Nothing here hides secrets: they are
// never handed to a log in the first place.
type Log struct {
	// Service and Worker identify the process on every line.
	Service string
	Worker  string

	// Level is one of trace, debug, info, warn, error; info when empty.
	Level string

	// Format is FormatJSON or FormatText; FormatJSON when empty.
	Format string

	// Out is where lines go; standard error when nil. File wins over it.
	Out io.Writer

	// File is a path; its directory is created (0700) and the file (0600) is
	// rotated at MaxMegabytes (50 when zero), keeping MaxBackups old ones (5
	// when zero). Two processes must not share a file.
	File         string
	MaxMegabytes int
	MaxBackups   int
}

// Logger is Log without a file: the entry that identifies a process on every
// line it writes to out.
func Logger(service, worker, level, format string, out io.Writer) (*logrus.Entry, error) {
	log, _, err := Log{Service: service, Worker: worker, Level: level, Format: format, Out: out}.Open()

	return log, err
}

// Open returns the process's log and what closes its file. A level or format
// that does not exist and a file that cannot be written are errors here, not
// lines that go missing later.
func (l Log) Open() (*logrus.Entry, io.Closer, error) {
	level, err := logrus.ParseLevel(cmp.Or(l.Level, "info"))
	if err != nil {
		return nil, nil, fmt.Errorf("log level %q is not one of trace, debug, info, warn, error", l.Level)
	}

	formatter, err := l.formatter()
	if err != nil {
		return nil, nil, err
	}

	out, closer, err := l.output()
	if err != nil {
		return nil, nil, err
	}

	logger := logrus.New()
	logger.SetOutput(out)
	logger.SetLevel(level)
	logger.SetFormatter(formatter)
	logger.ExitFunc = func(int) {}

	return logger.WithFields(l.identity()), closer, nil
}

func (l Log) identity() logrus.Fields {
	fields := logrus.Fields{"service": l.Service, "pid": os.Getpid()}
	if l.Worker != "" {
		fields["worker"] = l.Worker
	}

	return fields
}

func (l Log) formatter() (logrus.Formatter, error) {
	switch cmp.Or(l.Format, FormatJSON) {
	case FormatJSON:
		return utc{&jsonLines{logrus.JSONFormatter{TimestampFormat: logTime, DisableHTMLEscape: true}}}, nil
	case FormatText:
		return utc{&logrus.TextFormatter{TimestampFormat: logTime, FullTimestamp: true}}, nil
	default:
		return nil, fmt.Errorf("log format %q is not one of %s, %s", l.Format, FormatJSON, FormatText)
	}
}

func (l Log) output() (io.Writer, io.Closer, error) {
	if l.File == "" {
		if l.Out == nil {
			return os.Stderr, io.NopCloser(nil), nil
		}

		return l.Out, io.NopCloser(nil), nil
	}

	if err := probe(l.File); err != nil {
		return nil, nil, err
	}

	file := &lumberjack.Logger{
		Filename:   l.File,
		MaxSize:    cmp.Or(l.MaxMegabytes, 50),
		MaxBackups: cmp.Or(l.MaxBackups, 5),
	}

	return file, file, nil
}

// probe creates the log's directory and file, because lumberjack opens them
// only with the first line, when nobody is left to tell.
func probe(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("creating the log directory: %w", err)
	}

	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log file: %w", err)
	}

	return file.Close()
}

// utc formats an entry with its time in UTC, whatever the machine's zone.
type utc struct{ logrus.Formatter }

// Format implements logrus.Formatter.
func (f utc) Format(entry *logrus.Entry) ([]byte, error) {
	entry.Time = entry.Time.UTC()

	return f.Formatter.Format(entry)
}

package broker

import (
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/sirupsen/logrus"
)

// serverLog passes the server's words to ours. The server's notices are its
// banner and are of interest to somebody who debugs. Its fatal errors do not
// end the process: the first is kept for Start to return, and later ones are
// errors like others.
type serverLog struct {
	log   *logrus.Entry
	fatal chan error
}

var _ server.Logger = (*serverLog)(nil)

func newServerLog(log *logrus.Entry) *serverLog {
	return &serverLog{log: log.WithField("component", "nats-server"), fatal: make(chan error, 1)}
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debugf(format, v...) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Warnf(format, v...) }
func (l *serverLog) Errorf(format string, v ...any)  { l.log.Errorf(format, v...) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Debugf(format, v...) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log.Tracef(format, v...) }

func (l *serverLog) Fatalf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	l.log.Error(err)
	select {
	case l.fatal <- err:
	default:
	}
}

package queue

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"
)

// The handlers below run on the client's own goroutine, one at a time and in
// order. Addresses are logged without user and password.

func (q *Queue) onConnect(nc *nats.Conn) {
	q.link.set(true)
	q.fields(nc).Info("broker: connected")
}

func (q *Queue) onReconnect(nc *nats.Conn) {
	q.jobs.saw(time.Time{}) // the broker may have come back with another stream
	q.link.set(true)
	q.fields(nc).WithField("reconnects", nc.Stats().Reconnects).Info("broker: reconnected")
}

func (q *Queue) onDisconnect(nc *nats.Conn, err error) {
	q.link.set(false)
	entry := q.log
	if err != nil {
		entry = entry.WithError(err)
	}
	if nc.IsClosed() {
		entry.Info("broker: disconnected")
		return
	}
	entry.Warn("broker: connection lost, reconnecting")
}

// onReconnectError comes once per failed try, several times a second; only the
// first of an outage was worth a line, and onDisconnect wrote it.
func (q *Queue) onReconnectError(_ *nats.Conn, err error) {
	q.log.WithError(err).Debug("broker: cannot connect yet")
}

func (q *Queue) onClosed(*nats.Conn) {
	q.link.set(false)
	q.log.Info("broker: connection closed")
}

// onAsyncError hears of what no caller waits for: a slow consumer, whose
// dropped messages the broker delivers again after AckWait, or a permission.
func (q *Queue) onAsyncError(_ *nats.Conn, sub *nats.Subscription, err error) {
	entry := q.log.WithError(err)
	if sub != nil {
		entry = entry.WithField("subject", sub.Subject)
	}
	if errors.Is(err, nats.ErrSlowConsumer) {
		entry.Error("broker: messages dropped because they were not taken fast enough; they will be redelivered")
		return
	}
	entry.Error("broker: asynchronous error")
}

func (q *Queue) fields(nc *nats.Conn) *logrus.Entry {
	return q.log.WithFields(logrus.Fields{
		"url": nc.ConnectedUrlRedacted(), "server": nc.ConnectedServerName(), "cluster": nc.ConnectedClusterName(),
	})
}

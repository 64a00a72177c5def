package queue

import (
	"context"
	"sync"
	"time"
)

// link is the state of the connection as something to wait for.
type link struct {
	mu   sync.Mutex
	up   bool
	lost chan struct{} // closed while there is no connection
	back chan struct{} // closed while there is one
}

func newLink() *link {
	l := &link{lost: make(chan struct{}), back: make(chan struct{})}
	close(l.lost)
	return l
}

func (l *link) set(up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.up == up {
		return
	}
	l.up = up
	if up {
		l.lost = make(chan struct{})
		close(l.back)
	} else {
		l.back = make(chan struct{})
		close(l.lost)
	}
}

// down is closed when the connection that exists now is lost; it is closed
// already if there is none.
func (l *link) down() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// await waits for a connection, for at most limit.
func (l *link) await(ctx context.Context, limit time.Duration) {
	l.mu.Lock()
	back := l.back
	l.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-back:
	case <-ctx.Done():
	case <-timer.C:
	}
}

// call bounds one question to the broker. It ends with callTimeout, and at once
// when the connection is lost: the client itself would wait for an answer that
// cannot come any more.
func (q *Queue) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return q.callWithin(ctx, callTimeout)
}

func (q *Queue) callWithin(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	lost := q.link.down()
	go func() {
		select {
		case <-lost:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

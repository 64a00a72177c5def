package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// collector hears every announcement, as somebody who acts on them would, so that
// a store which is lost later does not take the proof along.
type collector struct {
	conn *nats.Conn
	mu   sync.Mutex
	ids  map[string]bool // message ids: of runs and of jobs
}

// collect listens from now on, and reads what was announced before: a store that is
// wiped takes that along too.
func collect(ctx context.Context, w *world.World) (*collector, error) {
	conn, err := nats.Connect(w.DirectBrokerURL(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.RetryOnFailedConnect(true), nats.Name("chaos auditor"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		return nil, fmt.Errorf("connecting the auditor to the broker: %w", err)
	}
	c := &collector{conn: conn, ids: map[string]bool{}}
	for _, subject := range []string{"sync.run.>", "sync.data.>"} {
		if _, err := conn.Subscribe(subject, func(m *nats.Msg) { c.add(m.Header) }); err != nil {
			conn.Close()
			return nil, fmt.Errorf("listening to %s: %w", subject, err)
		}
	}
	if err := errors.Join(conn.FlushWithContext(ctx), c.readStream(ctx)); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *collector) close() { c.conn.Close() }

func (c *collector) add(header nats.Header) {
	if id := header.Get(jetstream.MsgIDHeader); id != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ids[id] = true
	}
}

func (c *collector) has(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[id]
}

// readWithin is how long reading the stream may take: a cluster that has just
// healed may still change its leaders, and ends the reading with each.
const readWithin = 45 * time.Second

// readStream adds what the stream holds: what was announced while nobody was
// connected.
func (c *collector) readStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	for {
		err := c.readOnce(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		pause(ctx, 500*time.Millisecond)
	}
}

func (c *collector) readOnce(ctx context.Context) error {
	js, err := jetstream.New(c.conn)
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, queue.EventsStream)
	if err != nil {
		return fmt.Errorf("looking up the stream of events: %w", err)
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("looking up the stream of events: %w", err)
	}
	if info.State.Msgs == 0 {
		return nil
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return fmt.Errorf("reading the stream of events: %w", err)
	}
	for {
		batch, err := consumer.Fetch(500, jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			return fmt.Errorf("reading the stream of events: %w", err)
		}
		read := 0
		for m := range batch.Messages() {
			c.add(m.Headers())
			read++
			if meta, err := m.Metadata(); err == nil && meta.Sequence.Stream >= info.State.LastSeq {
				return nil
			}
		}
		if read == 0 {
			return errors.Join(errors.New("the stream of events ends before its last message"), batch.Error())
		}
	}
}

const toldOnce = "every announcement that the tables call made was made"

// announcements demands an event of every run and job that is marked as
// announced. What was announced in the last moments before the broker lost its
// store is left out: nobody may have been listening, and the tables know the run.
func (a *Auditor) announcements(ctx context.Context) error {
	if err := a.events.readStream(ctx); err != nil {
		return err
	}
	rows, err := a.w.DB.Query(ctx, `
SELECT 'run', id::text, announced_at FROM alphapulse.sync_runs WHERE announced_at IS NOT NULL
UNION ALL
SELECT 'job', id::text, announced_at FROM alphapulse.sync_jobs WHERE announced_at IS NOT NULL AND status <> 'dead'`)
	if err != nil {
		return fmt.Errorf("reading what was announced: %w", err)
	}
	defer rows.Close()
	var missing []string
	checked := 0
	for rows.Next() {
		var kind, id string
		var at time.Time
		if err := rows.Scan(&kind, &id, &at); err != nil {
			return err
		}
		if a.w.StoreLostAround(at) {
			continue
		}
		checked++
		if !a.events.has(id) {
			missing = append(missing, strings.Join([]string{kind, id, "was announced at", at.Format(time.RFC3339Nano), "and is no event"}, " "))
		}
	}
	a.note(toldOnce, checked, missing)
	return rows.Err()
}

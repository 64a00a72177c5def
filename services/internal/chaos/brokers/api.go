package brokers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// oneTry bounds a single question to a broker that may never answer.
const oneTry = 5 * time.Second

// oneAnswer bounds the wait for an answer that is given at once or never.
const oneAnswer = time.Second

// ask connects, does one thing and disconnects.
func ask(ctx context.Context, url string, do func(context.Context, jetstream.JetStream) error) error {
	ctx, cancel := context.WithTimeout(ctx, oneTry)
	defer cancel()
	conn, err := nats.Connect(url, nats.Name("chaos"), nats.NoReconnect(), nats.Timeout(oneTry))
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	return do(ctx, js)
}

// answers tries whether JetStream answers.
func (s *Server) answers(ctx context.Context) error {
	return ask(ctx, s.URL(), asset{}.answers)
}

// DeleteStream deletes a stream with its consumers behind everybody's back. One
// that is gone already is no error.
func (s *Server) DeleteStream(ctx context.Context, stream string) error {
	return deleteStream(ctx, s.URL(), stream)
}

// DeleteConsumer deletes a consumer behind everybody's back. One that is gone
// already is no error.
func (s *Server) DeleteConsumer(ctx context.Context, stream, consumer string) error {
	return deleteConsumer(ctx, s.URL(), stream, consumer)
}

func deleteStream(ctx context.Context, url, stream string) error {
	err := ask(ctx, url, func(ctx context.Context, js jetstream.JetStream) error { return js.DeleteStream(ctx, stream) })
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("deleting stream %s: %w", stream, err)
	}
	return nil
}

func deleteConsumer(ctx context.Context, url, stream, consumer string) error {
	err := ask(ctx, url, func(ctx context.Context, js jetstream.JetStream) error {
		return js.DeleteConsumer(ctx, stream, consumer)
	})
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("deleting consumer %s of %s: %w", consumer, stream, err)
	}
	return nil
}

package brokers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// between tries of something that has no signal.
const between = 20 * time.Millisecond

// lastWords is how much of a log an error quotes.
const lastWords = 2000

// errEnded: the server has ended while it was waited for.
var errEnded = errors.New("the server has ended")

// await tries until it works, the server ends or the context does.
func (s *Server) await(ctx context.Context, try func(context.Context) error) error {
	p := s.Process()
	err := await(ctx, p.Ended(), try)
	if errors.Is(err, errEnded) {
		return fmt.Errorf("%w with code %d: …%s", err, p.ExitCode(), tail(p.Log()))
	}
	return err
}

// await tries until it works, something has ended (nil never does) or the
// context ends; then the error holds the last failure.
func await(ctx context.Context, ended <-chan struct{}, try func(context.Context) error) error {
	ticker := time.NewTicker(between)
	defer ticker.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-ended:
			return errEnded
		case <-ticker.C:
		}
	}
}

func tail(path string) string {
	log, err := os.ReadFile(path) //nolint:gosec // the log of our own child
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-lastWords):])
}

package queue_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func TestProbe(t *testing.T) {
	server := queuetest.New(t)
	q := server.Queue()
	ensure(t, q, balances)
	js := raw(t, server)
	for i := range 300 {
		_, err := js.CreateConsumer(t.Context(), queue.JobsStream, jetstream.ConsumerConfig{Durable: fmt.Sprintf("x%d", i), FilterSubject: "sync.job.>", AckPolicy: jetstream.AckExplicitPolicy})
		require.NoError(t, err)
	}
	stop := make(chan struct{})
	for range 8 {
		go func() {
			x := 0
			for {
				select {
				case <-stop:
					return
				default:
					x++
				}
			}
		}()
	}
	defer close(stop)
	c, _ := js.Consumer(t.Context(), queue.JobsStream, balances.Name())
	zero := 0
	for n := 1; n <= 1000; n++ {
		publish(t, q, job(balances, n))
		info, err := c.Info(t.Context())
		require.NoError(t, err)
		if info.NumPending == 0 {
			zero++
		}
		ackN(t, q, balances, 1)
	}
	t.Log("zero", zero)
}

// Command consumer prints what changes, as docs/events.md shows.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	nc, err := nats.Connect(os.Getenv("NATS_URL"), nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	consumer, err := js.CreateOrUpdateConsumer(context.Background(), "SYNC_EVENTS", jetstream.ConsumerConfig{
		Durable: "my-desk", FilterSubjects: []string{"sync.run.>", "sync.data.balances.>"},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = consumer.Consume(func(m jetstream.Msg) {
		fmt.Println(m.Subject(), string(m.Data())) // read the rows now, then:
		_ = m.Ack()                                // without it the event comes again
	})
	if err != nil {
		log.Fatal(err)
	}
	select {}
}

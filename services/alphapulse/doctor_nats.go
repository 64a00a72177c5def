package main

import (
	"context"
	"errors"
	"fmt"
	neturl "net/url"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/alphapulse/alphapulse/services/alphapulse/dependency"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// natsPatience is how long doctor waits for a broker that is away.
const natsPatience = 3 * time.Second

// fullStream is how full a stream may be before doctor speaks of it: above it
// the scheduler purges.
const fullStream = 0.8

// expectedStream is what of a stream is a promise to users.
type expectedStream struct {
	name     string
	subjects []string
	discard  jetstream.DiscardPolicy
	maxAge   time.Duration // at least
}

func expectedStreams() []expectedStream {
	week := 7 * 24 * time.Hour
	return []expectedStream{
		{queue.JobsStream, []string{"sync.job.>"}, jetstream.DiscardNew, week},
		{queue.ResultsStream, []string{"sync.result.>"}, jetstream.DiscardOld, 0},
		{queue.EventsStream, []string{"sync.run.>", "sync.data.>"}, jetstream.DiscardOld, 0},
		{queue.DeadStream, []string{"sync.dead.>"}, jetstream.DiscardOld, 0},
	}
}

// checkNATS asks with a connection of its own: package queue would put right
// what is to be found out.
func (d *doctor) checkNATS(ctx context.Context) {
	url, ok := d.secret("nats", natsSetting)
	if !ok {
		return
	}
	if err := (queue.Config{URL: url, Name: "doctor", Log: d.log}).Validate(); err != nil {
		d.fail("nats", "correct "+natsSetting, "%v", err)
		return
	}
	options, err := d.natsOptions()
	if err != nil {
		d.fail("nats", "correct the setting", "%v", err)
		return
	}
	conn, err := nats.Connect(url, options...)
	var unread *neturl.Error // it repeats the address, which may hold a password
	if errors.As(err, &unread) && unread.Op == "parse" {
		err = errors.New("the address cannot be read")
	}
	if err != nil {
		d.fail("nats", "see that NATS runs and that NATS_URL is right", "NATS at %s cannot be reached: %v",
			dependency.NATSAddress(url), err)
		return
	}
	defer conn.Close()
	d.ok("nats", "NATS %s answers", conn.ConnectedServerVersion())
	js, err := jetstream.New(conn)
	if err != nil {
		d.fail("jetstream", "", "%v", err)
		return
	}
	info, err := js.AccountInfo(ctx)
	if err != nil {
		d.fail("jetstream", "start nats-server with JetStream (-js)", "JetStream does not answer: %v", err)
		return
	}
	d.ok("jetstream", "%s, %s", number(info.Streams, "stream"), number(info.Consumers, "consumer"))
	for _, want := range expectedStreams() {
		d.checkStream(ctx, js, want)
	}
	d.checkAcks(ctx, js)
}

// natsOptions are those that processes are given by their flags or variables.
func (d *doctor) natsOptions() ([]nats.Option, error) {
	options := []nats.Option{nats.Name("alphapulse doctor"), nats.Timeout(natsPatience), nats.NoReconnect()}
	if file := d.env.Get(variable("nats-credentials"), ""); file != "" {
		options = append(options, nats.UserCredentials(file))
	}
	if file := d.env.Get(variable("nats-ca"), ""); file != "" {
		options = append(options, nats.RootCAs(file))
	}
	if file := d.env.Get(variable("nats-nkey"), ""); file != "" {
		option, err := nats.NkeyOptionFromSeed(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variable("nats-nkey"), err)
		}
		options = append(options, option)
	}
	if file := d.env.Get(variable("nats-token-file"), ""); file != "" {
		token, err := readKeyFile(variable("nats-token-file"), file)
		if err != nil {
			return nil, err
		}
		options = append(options, nats.Token(token.Reveal()))
	}
	return options, nil
}

func (d *doctor) checkStream(ctx context.Context, js jetstream.JetStream, want expectedStream) {
	const next = "the scheduler makes and mends the streams: see that one runs, and what its log says"
	check := "stream " + want.name
	stream, err := js.Stream(ctx, want.name)
	if err != nil {
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = errors.New("it does not exist")
		}
		d.fail(check, next, "%v", err)
		return
	}
	info := stream.CachedInfo()
	if wrong := streamFaults(info.Config, want); len(wrong) > 0 {
		d.fail(check, next, "%s", strings.Join(wrong, "; "))
		return
	}
	used := float64(info.State.Bytes) / float64(max(info.Config.MaxBytes, 1))
	if info.Config.MaxBytes > 0 && used > fullStream {
		d.warn(check, "let workers catch up, or give the stream more room", "%s messages, %.0f %% of its size is used",
			count(int64(min(info.State.Msgs, 1<<62))), 100*used)
		return
	}
	d.ok(check, "%s messages", count(int64(min(info.State.Msgs, 1<<62))))
}

func streamFaults(have jetstream.StreamConfig, want expectedStream) []string {
	var wrong []string
	for _, subject := range want.subjects {
		if !slices.Contains(have.Subjects, subject) {
			wrong = append(wrong, "it does not take "+subject)
		}
	}
	if have.Retention != jetstream.LimitsPolicy {
		wrong = append(wrong, "its retention is "+have.Retention.String()+", should be Limits")
	}
	if have.Discard != want.discard {
		wrong = append(wrong, "its discard policy is "+have.Discard.String()+", should be "+want.discard.String())
	}
	if have.MaxAge != 0 && have.MaxAge < want.maxAge {
		wrong = append(wrong, "it keeps messages for "+span(have.MaxAge)+", should be "+span(want.maxAge))
	}
	if have.Storage != jetstream.FileStorage {
		wrong = append(wrong, "it is in memory: a restart of the broker loses it")
	}
	return wrong
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/alphapulse/alphapulse/shared/queue"
)

// natsMonitorSetting is where the server's monitoring endpoint is.
const natsMonitorSetting = "NATS_MONITOR_URL"

// checkAcks says whether a message that the broker has confirmed survives a
// power loss.
func (d *doctor) checkAcks(ctx context.Context, js jetstream.JetStream) {
	const check = "nats durability"
	stream, err := js.Stream(ctx, queue.JobsStream)
	if err != nil {
		return // the check of the stream has said so
	}
	known := queue.Durability{Copies: max(stream.CachedInfo().Config.Replicas, 1)}
	if monitor := d.env.Get(natsMonitorSetting, ""); monitor != "" {
		known.Flushing, err = flushing(ctx, monitor)
		if err != nil {
			d.warn(check, "correct "+natsMonitorSetting, "asking the server's monitoring endpoint: %v", err)
			return
		}
	}
	if yes, _ := known.Survives(); yes {
		d.ok(check, "%s", known)
		return
	}
	next := "keep three copies (--stream-replicas 3 on a cluster), or set sync_interval: always in nats-server's jetstream block, " +
		"where a power loss must not cost a second's work"
	if !known.Flushing.Known {
		next += "; set " + natsMonitorSetting + " to have the server's own setting read"
	}
	d.warn(check, next, "%s", known)
}

// flushing reads a server's setting from its monitoring endpoint.
func flushing(ctx context.Context, monitor string) (queue.Flushing, error) {
	const unset = 2 * time.Minute // what the server then takes
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(monitor, "/")+"/varz", nil)
	if err != nil {
		return queue.Flushing{}, fmt.Errorf("%s is no address", natsMonitorSetting)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return queue.Flushing{}, err
	}
	defer res.Body.Close()
	var varz struct {
		JetStream struct {
			Config *struct {
				SyncInterval time.Duration `json:"sync_interval"`
				SyncAlways   bool          `json:"sync_always"`
			} `json:"config"`
		} `json:"jetstream"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&varz); err != nil || varz.JetStream.Config == nil {
		return queue.Flushing{}, fmt.Errorf("what answers at %s is no nats-server with JetStream", req.URL.Redacted())
	}
	out := queue.Flushing{Known: true, Always: varz.JetStream.Config.SyncAlways, Interval: varz.JetStream.Config.SyncInterval}
	if out.Interval == 0 {
		out.Interval = unset
	}
	return out, nil
}

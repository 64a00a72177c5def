package databases

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Slowness is what a bad network does. What is zero is left out.
type Slowness struct {
	Latency, Jitter time.Duration // each way
	KilobytesPerSec int           // each way
	SliceBytes      int           // the size of the pieces that data comes in
	SliceDelay      time.Duration // between two pieces
}

// Slow makes all connections slow until it is lifted. A connection counts as
// struck when something has passed.
func (l *Link) Slow(s Slowness) (*Trap, error) {
	l.wayMu.Lock()
	err := l.way.slow(s)
	l.wayMu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("slowing a link: %w", err)
	}
	return l.set(&Trap{kind: slow, lift: func() {
		l.wayMu.Lock()
		defer l.wayMu.Unlock()
		l.way.restore()
	}}, unlimited), nil
}

// way is the part of a link that can be slow: toxiproxy, which every byte
// passes, so that open connections can be slowed too.
type way struct {
	proxy    *toxiproxy.Proxy
	slowness Slowness
}

func newWay(to string) (*way, error) {
	// Some of toxiproxy's parts log by themselves, to the standard error.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, to, net.JoinHostPort(loopback, "0"), to)
	if err := proxy.Start(); err != nil {
		return nil, fmt.Errorf("a link to %s: %w", to, err)
	}
	return &way{proxy: proxy}, nil
}

func (w *way) close() { w.proxy.Stop() }

// ErrSlow: the link is slow already.
var ErrSlow = errors.New("the link is slow already")

func (w *way) slow(s Slowness) error {
	if w.slowness != (Slowness{}) {
		return ErrSlow
	}
	for _, direction := range []string{"upstream", "downstream"} {
		for name, attributes := range s.toxics() {
			toxic, err := json.Marshal(map[string]any{"type": name, "stream": direction, "attributes": attributes})
			if err != nil {
				return err
			}
			if _, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(string(toxic))); err != nil {
				return err
			}
		}
	}
	w.slowness = s
	return nil
}

// slowLike takes over the slowness of another way.
func (w *way) slowLike(other *way) error { return w.slow(other.slowness) }

func (w *way) restore() {
	w.proxy.Toxics.ResetToxics(context.Background())
	w.slowness = Slowness{}
}

// toxics by their names and attributes in toxiproxy.
func (s Slowness) toxics() map[string]map[string]int64 {
	toxics := make(map[string]map[string]int64)
	if s.Latency > 0 || s.Jitter > 0 {
		toxics["latency"] = map[string]int64{"latency": s.Latency.Milliseconds(), "jitter": s.Jitter.Milliseconds()}
	}
	if s.KilobytesPerSec > 0 {
		toxics["bandwidth"] = map[string]int64{"rate": int64(s.KilobytesPerSec)}
	}
	if s.SliceBytes > 0 {
		toxics["slicer"] = map[string]int64{
			"average_size": int64(s.SliceBytes), "size_variation": int64(s.SliceBytes / 2), "delay": s.SliceDelay.Microseconds(),
		}
	}
	return toxics
}

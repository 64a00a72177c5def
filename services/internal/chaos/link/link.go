package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Direction of the bytes that a fault is done to.
type Direction string

// Requests flow from the client to the server, answers back.
const (
	Requests Direction = "upstream"
	Answers  Direction = "downstream"
)

// Link is a proxy in front of one server. Faults add up until Heal; the same
// fault a second time replaces the first.
type Link struct {
	address string
	mu      sync.Mutex
	proxy   *toxiproxy.Proxy
}

// New listens on an address of its own and passes on to the upstream address,
// which may be down, also for long.
func New(name, upstream string) (*Link, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	var lastErr error
	for range tries {
		address, err := FreeAddress()
		if err != nil {
			return nil, err
		}
		proxy := toxiproxy.NewProxy(server, name, address, upstream)
		if lastErr = proxy.Start(); lastErr == nil {
			return &Link{address: address, proxy: proxy}, nil
		}
		if !errors.Is(lastErr, syscall.EADDRINUSE) {
			break
		}
	}
	return nil, fmt.Errorf("starting link %s: %w", name, lastErr)
}

// Address is where clients connect; it stays the same.
func (l *Link) Address() string { return l.address }

// Delay holds back every byte, in each direction.
func (l *Link) Delay(latency, jitter time.Duration) error {
	attributes := map[string]int64{"latency": latency.Milliseconds(), "jitter": jitter.Milliseconds()}
	return l.both("latency", attributes)
}

// Throttle lets so many kilobytes a second pass, in each direction.
func (l *Link) Throttle(kilobytes int64) error {
	return l.both("bandwidth", map[string]int64{"rate": kilobytes})
}

// Slice cuts what passes into pieces of about so many bytes with a pause after
// each, in each direction.
func (l *Link) Slice(size int64, pause time.Duration) error {
	attributes := map[string]int64{"average_size": size, "size_variation": size / 2, "delay": pause.Microseconds()}
	return l.both("slicer", attributes)
}

// Reset ends each connection a while after the next bytes on it, which are lost.
// One that is made from now on ends with a reset, one that exists with its end.
func (l *Link) Reset(after time.Duration) error {
	return l.both("reset_peer", map[string]int64{"timeout": after.Milliseconds()})
}

// Lose swallows everything in one direction, while the connection stands.
// Answers lost: the server does what it was asked to, and nobody hears of it.
func (l *Link) Lose(direction Direction) error {
	return l.add("timeout", direction, map[string]int64{"timeout": 0})
}

// Hang swallows everything in both directions: a partition as it looks from
// inside. Connections stand, new ones are accepted, and nothing comes of them.
func (l *Link) Hang() error { return l.both("timeout", map[string]int64{"timeout": 0}) }

// CutAfter lets so many bytes more pass in one direction of each connection and
// then ends it: the last answer is lost in the middle.
func (l *Link) CutAfter(direction Direction, bytes int64) error {
	return l.add("limit_data", direction, map[string]int64{"bytes": bytes})
}

// Cut ends all connections and refuses new ones.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy.Stop()
}

// Heal ends all faults. Connections that have lost something end, so that nobody
// goes on in the middle of a word.
func (l *Link) Heal(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy.Toxics.ResetToxics(ctx)
	if l.proxy.Enabled {
		return nil
	}
	if err := l.proxy.Start(); err != nil {
		return fmt.Errorf("healing link %s: %w", l.proxy.Name, err)
	}
	return nil
}

// Close ends the link and its connections.
func (l *Link) Close() { l.Cut() }

func (l *Link) both(kind string, attributes map[string]int64) error {
	return errors.Join(l.add(kind, Requests, attributes), l.add(kind, Answers, attributes))
}

// add puts a fault into one direction.
func (l *Link) add(kind string, direction Direction, attributes map[string]int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := kind + " " + string(direction)
	toxic, err := json.Marshal(map[string]any{
		"name": name, "type": kind, "stream": direction, "toxicity": 1, "attributes": attributes,
	})
	if err != nil {
		return fmt.Errorf("disturbing link %s: %w", l.proxy.Name, err)
	}
	if l.proxy.Toxics.GetToxic(name) != nil {
		_, err = l.proxy.Toxics.UpdateToxicJson(name, bytes.NewReader(toxic))
	} else {
		_, err = l.proxy.Toxics.AddToxicJson(bytes.NewReader(toxic))
	}
	if err != nil {
		return fmt.Errorf("disturbing link %s: %w", l.proxy.Name, err)
	}
	return nil
}

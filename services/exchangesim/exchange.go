package exchangesim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Exchange is one stand-in. It is safe for concurrent use.
type Exchange struct {
	cfg     Config
	world   *world
	clock   *clock
	book    *changeBook
	limits  *uidLimits
	bans    *ipLimits
	faults  *faultList
	holds   *holdList
	stats   *statBook
	notices *noticeBoard
	rsaKeys map[int]*rsaKey // of the configuration
	replay  *replay
	// What Bench answers from.
	prepared *prepared
	kept     *keptPages

	stop    sync.Once
	stopped chan struct{} // closed when Serve ends: drops what is held or hangs
}

// New builds an exchange, or returns an error that names every mistake in cfg.
func New(cfg Config) (*Exchange, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("stand-in exchange: %w", err)
	}
	x := &Exchange{
		cfg:     cfg,
		world:   newWorld(cfg),
		clock:   &clock{source: cfg.Clock},
		book:    newChangeBook(),
		limits:  newUIDLimits(cfg),
		bans:    newIPLimits(cfg),
		faults:  &faultList{},
		holds:   newHoldList(),
		stats:   newStatBook(cfg.Clock()),
		notices: &noticeBoard{},
		stopped: make(chan struct{}),

		prepared: newPrepared(), kept: newKeptPages(),
	}
	for _, f := range cfg.Faults {
		if _, err := x.SetFault(f); err != nil {
			return nil, fmt.Errorf("stand-in exchange: %w", err)
		}
	}
	var mistakes [2]error
	x.rsaKeys, mistakes[0] = parseRSAKeys(cfg)
	x.replay, mistakes[1] = loadReplay(cfg)
	if err := errors.Join(mistakes[:]...); err != nil {
		return nil, fmt.Errorf("stand-in exchange: %w", err)
	}
	return x, nil
}

// Handler serves /v5, /admin and /healthz. Without an admin token, /admin
// answers only requests that came in on a loopback address.
func (x *Exchange) Handler() http.Handler { return x.routes(nil) }

const (
	headerTimeout = 10 * time.Second
	stopTimeout   = 3 * time.Second
)

// Serve answers on l until ctx ends, then closes it: requests that are held or
// hanging are dropped at once, the others have three seconds. It returns nil
// after such a stop. After it the exchange hangs and holds no request any more.
func (x *Exchange) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           x.routes(l.Addr()),
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    64 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving the stand-in exchange on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	x.stop.Do(func() { close(x.stopped) })
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(stopCtx); err != nil {
		_ = server.Close() // what is left has had its time
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the stand-in exchange on %s: %w", l.Addr(), err)
	}
	return nil
}

// view looks at an account at an instant; of Bench's all look like the first.
func (x *Exchange) view(index int, at int64) *view {
	if x.cfg.Bench.On {
		index = 0
	}
	return x.world.view(newAccount(x.world.seed, index, x.cfg.Rows), at, x.book.of(index))
}

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

const (
	// An exchange's fault is lifted when it has struck so often, and for so long.
	struckTimes = 8
	struckFor   = 2 * time.Second
	// afterTheExchange is the time to recover once the exchange is well: a breaker
	// that is open, and the longest pause of a job that is tried again.
	afterTheExchange = 45 * time.Second
)

// snapshots are the endpoints of what is there now. An exchange that lies about
// them is found out by the next reading; one that lies about the past only by a
// verification.
func snapshots() []string {
	return []string{"/v5/account/wallet-balance", "/v5/position/list", "/v5/order/realtime"}
}

// broken are answers that are wrong everywhere, and the class that they end in.
func broken() []exchangesim.Fault {
	return []exchangesim.Fault{
		{ID: "status_500", Kind: exchangesim.FaultStatus, Value: "500"},
		{ID: "status_429", Kind: exchangesim.FaultStatus, Value: "429"},
		{ID: "rate_limited", Kind: exchangesim.FaultRetCode, Value: "10006", EveryN: 3},
		{ID: "rate_limited_without_headers", Kind: exchangesim.FaultRetCodeBare, Value: "10006", EveryN: 3},
		{ID: "server_error", Kind: exchangesim.FaultRetCode, Value: "10016"},
		{ID: "clock_refused", Kind: exchangesim.FaultRetCode, Value: "10002", EveryN: 2},
		{ID: "answers_dated_wrongly", Kind: exchangesim.FaultClock, Value: "24h"},
		{ID: "hanging", Kind: exchangesim.FaultHang, Value: "3s"},
		{ID: "slow", Kind: exchangesim.FaultLatency, Value: "1500ms"},
		{ID: "reset", Kind: exchangesim.FaultReset},
		{ID: "truncated", Kind: exchangesim.FaultTruncate},
		{ID: "maintenance_page", Kind: exchangesim.FaultHTML},
		{ID: "malformed", Kind: exchangesim.FaultMalformed},
		{ID: "unknown_shape", Kind: exchangesim.FaultShape},
		{ID: "stuck_cursor", Kind: exchangesim.FaultStuckCursor},
		{ID: "cursor_cycle", Kind: exchangesim.FaultStuckCursor, Value: "cycle"},
		{ID: "last_page_fails", Kind: exchangesim.FaultLastPage},
	}
}

// lying are answers that look right.
func lying() []exchangesim.Fault {
	return []exchangesim.Fault{
		{ID: "empty_lists", Kind: exchangesim.FaultEmpty},
		{ID: "rows_skipped", Kind: exchangesim.FaultSkipRows, Value: "1"},
		{ID: "row_unreadable", Kind: exchangesim.FaultBadRow, Value: "0"},
		{ID: "row_without_key", Kind: exchangesim.FaultKeylessRow, Value: "0"},
		{ID: "row_of_wrong_type", Kind: exchangesim.FaultWrongType, Value: "0"},
		{ID: "status_unknown", Kind: exchangesim.FaultUnknownStatus, Value: "0"},
	}
}

// exchangeFaults are everything that the exchange does wrong.
func exchangeFaults() []*Fault {
	var all []*Fault
	add := func(f exchangesim.Fault, does string, inject injector) {
		all = append(all, &Fault{
			Name: "exchange_" + f.ID, Does: does, On: everywhere(), Within: afterTheExchange, inject: inject,
		})
	}
	for _, f := range broken() {
		add(f, "the exchange answers everything with "+string(f.Kind)+" "+f.Value, strikeExchange(f, []string{""}))
	}
	for _, f := range lying() {
		add(f, "the exchange lies about what is there now: "+string(f.Kind), strikeExchange(f, snapshots()))
	}
	return append(all,
		&Fault{
			Name: "exchange_key_revoked", Does: "an account's key is revoked, and comes back", On: everywhere(),
			Within: afterTheExchange, inject: revokeKey,
		},
		&Fault{
			Name: "exchange_bans_the_address", Does: "the exchange refuses the address of every worker, and lifts the ban",
			On: everywhere(), Within: afterTheExchange, inject: banAddress,
		})
}

type injector func(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error)

// strikeExchange breaks the answers of some endpoints until they have struck
// often enough.
func strikeExchange(f exchangesim.Fault, where []string) injector {
	return func(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
		jobs, err := w.AwaitInFlight(ctx, "")
		if err != nil {
			return nil, err
		}
		var ids []string
		for i, endpoint := range where {
			one := f
			one.ID, one.Endpoint = fmt.Sprintf("%s-%d", f.ID, i), endpoint
			id, err := w.Exchange.SetFault(one)
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		at := time.Now()
		err = world.Poll(ctx, "the exchange's fault to strike", func() (bool, error) {
			return struck(w, ids) >= struckTimes && time.Since(at) > struckFor, nil
		})
		if err != nil {
			w.Exchange.ClearFaults(ids...)
			return nil, err
		}
		times := struck(w, ids)
		return &Strike{At: at, Jobs: jobs, Note: fmt.Sprintf("%d answers", times), Heal: func(context.Context) error {
			w.Exchange.ClearFaults(ids...)
			return nil
		}}, nil
	}
}

func struck(w *world.World, ids []string) (times int) {
	for _, f := range w.Exchange.Faults() {
		for _, id := range ids {
			if f.ID == id {
				times += f.Struck
			}
		}
	}
	return times
}

// revokeKey takes a key away until the account has been stopped for it, and brings
// it back as its owner would.
func revokeKey(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error) {
	account := w.Innocent(random)
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	if _, err := w.Exchange.RevokeKey(account.ExchangeUID); err != nil {
		return nil, err
	}
	at := time.Now()
	err = awaitStatus(ctx, w, account.ID, ledger.AccountNeedsAttention)
	if err != nil {
		_, restored := w.Exchange.RestoreKey(account.ExchangeUID)
		return nil, errors.Join(err, restored)
	}
	return &Strike{At: at, Jobs: jobs, Note: account.Name, Heal: func(ctx context.Context) error {
		if _, err := w.Exchange.RestoreKey(account.ExchangeUID); err != nil {
			return err
		}
		if _, _, err := w.Ledger.Probe(ctx, account.ID); err != nil {
			return err
		}
		return awaitStatus(ctx, w, account.ID, ledger.AccountActive)
	}}, nil
}

func awaitStatus(ctx context.Context, w *world.World, id string, want ledger.AccountStatus) error {
	return world.Poll(ctx, "an account to be "+string(want), func() (bool, error) {
		account, err := w.Ledger.Account(ctx, id)
		return account.Status == want, err
	})
}

// banAddress bans everybody, and lifts the ban before its ten minutes are over, as
// an operator does whom the exchange has told so: the tables forget it, and the
// workers are started again. Nobody may ask the exchange anything in between.
func banAddress(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	id, err := w.Exchange.SetFault(exchangesim.Fault{ID: "ban", Kind: exchangesim.FaultStatus, Value: "403"})
	if err != nil {
		return nil, err
	}
	at := time.Now()
	known := world.Poll(ctx, "the ban to be known", func() (bool, error) {
		bans, err := w.Ledger.Bans(ctx)
		return len(bans) > 0, err
	})
	if known != nil {
		w.Exchange.ClearFaults(id)
		return nil, known
	}
	return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
		if err := quietFor(ctx, w, 3*time.Second); err != nil {
			return err
		}
		w.Exchange.ClearFaults(id)
		if err := w.LiftBans(ctx); err != nil {
			return err
		}
		// A ban is never shortened in a worker's memory.
		for _, m := range w.Members(world.Worker) {
			if _, err := w.Terminate(ctx, m); err != nil {
				return err
			}
		}
		return w.WakeBanned(ctx)
	}}, nil
}

// quietFor demands that nobody asks the exchange anything for a while, once every
// worker can have learned of the ban.
func quietFor(ctx context.Context, w *world.World, d time.Duration) error {
	if err := wait(ctx, d); err != nil { // within it every worker reads the table
		return err
	}
	w.Exchange.ResetStats()
	if err := wait(ctx, d); err != nil {
		return err
	}
	if n := w.Exchange.Stats().Requests; n > 0 {
		return fmt.Errorf("a banned address asked the exchange %d times", n)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

package apitest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Answer decides how a claimed job ends. A nil Outcome leaves it running.
type Answer func(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts)

// Fleet is scheduler, workers and aggregator in one: it takes due jobs, ends
// them as its answer says, and folds their runs.
type Fleet struct {
	s      *Server
	mu     sync.Mutex
	answer Answer
	claims int
}

// Work starts a fleet that ends with the test.
func (s *Server) Work(answer Answer) *Fleet {
	f := &Fleet{s: s, answer: answer}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.run(ctx)
	}()
	s.t.Cleanup(func() {
		cancel()
		<-done
	})
	return f
}

// Set replaces the answer.
func (f *Fleet) Set(answer Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// Claims is how many jobs were claimed.
func (f *Fleet) Claims() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.claims
}

func (f *Fleet) run(ctx context.Context) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := f.step(ctx); err != nil && ctx.Err() == nil {
			f.s.t.Errorf("fleet: %v", err)
			return
		}
	}
}

func (f *Fleet) step(ctx context.Context) error {
	due, err := f.s.Ledger.TakeDue(ctx, 100)
	if err != nil {
		return err
	}
	for _, p := range due {
		if err := f.do(ctx, p); err != nil {
			return err
		}
	}
	if _, err := f.s.Ledger.EndOverdue(ctx, 100); err != nil {
		return err
	}
	unfolded, err := f.s.Ledger.Unfolded(ctx, 0, 100)
	for _, id := range unfolded {
		if _, err := f.s.Ledger.Fold(ctx, id); err != nil {
			return err
		}
	}
	return err
}

func (f *Fleet) do(ctx context.Context, p ledger.Publication) error {
	job, _, err := f.s.Ledger.Claim(ctx, ledger.ClaimRequest{
		JobID: p.JobID, Claim: uuid.NewString(), Owner: "apitest", Publishes: p.Publishes,
	})
	if err != nil || job == nil {
		return err
	}
	f.mu.Lock()
	f.claims++
	answer := f.answer
	f.mu.Unlock()
	out, facts := answer(job)
	switch {
	case out == nil:
		return nil
	case job.DataType == syncjob.Probe:
		_, err = f.s.Ledger.CommitProbe(ctx, job, *out, facts)
	default:
		_, err = f.s.Ledger.Commit(ctx, job, *out, nil)
	}
	return err
}

// Succeed ends every job well; probes find a key that can only read.
func Succeed(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
	out := &ledger.Outcome{Status: syncjob.Succeeded, RowsFetched: 3, Requests: 1, AsOf: job.ClaimedAt}
	if job.DataType != syncjob.Probe {
		return out, nil
	}
	return out, &ledger.KeyFacts{
		UID: "424242", Mode: "unified", Permissions: map[string][]string{"Wallet": {"AccountTransfer"}},
		ExpiresAt: time.Now().Add(90 * 24 * time.Hour),
	}
}

// Refuse ends every job of an account as the exchange does for a wrong key.
func Refuse(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
	if job.DataType.Shared() {
		return Succeed(job)
	}
	return &ledger.Outcome{
		Status: syncjob.Failed, Class: syncjob.Auth, Code: "10003", Message: "API key is invalid.",
	}, nil
}

// Fail ends every job with a class and a message.
func Fail(class syncjob.Class, message string) Answer {
	return func(*ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		return &ledger.Outcome{Status: syncjob.Failed, Class: class, Message: message}, nil
	}
}

// Hold leaves every job running.
func Hold(*ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) { return nil, nil }

// Add adds an account whose probe has passed and whose initial run has ended.
// The server must not have a fleet yet.
func (s *Server) Add(t testing.TB, name string) ledger.Account {
	t.Helper()
	account, _, err := s.Ledger.AddAccount(t.Context(), ledger.NewAccount{
		Name:   name,
		Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: "https://api-testnet.example.com"},
		Seal:   func(string, int) ([]byte, error) { return []byte("sealed"), nil },
	})
	require.NoError(t, err)
	f := &Fleet{s: s, answer: Succeed}
	for range 100 {
		require.NoError(t, f.step(t.Context()))
		runs, err := s.Ledger.Runs(t.Context(), ledger.RunFilter{SubjectID: account.ID, Status: syncjob.RunRunning})
		require.NoError(t, err)
		if len(runs) == 0 {
			account, err = s.Ledger.Account(t.Context(), account.ID)
			require.NoError(t, err)
			return account
		}
	}
	t.Fatalf("account %s was not probed and synchronized", name)
	return account
}

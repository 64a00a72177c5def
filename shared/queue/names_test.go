package queue_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestConsumerNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "bybit-testnet-balances-live", balances.Name())
	require.Equal(t, "sync.job.live.bybit.testnet.balances.>", balances.Filter())
	back, err := queue.ParseConsumer(balances.Name())
	require.NoError(t, err)
	require.Equal(t, balances, back)
}

func TestConsumerNamesThatAreNotOurs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "bybit", "bybit-testnet-balances", "bybit-testnet-balances-live-x",
		"-testnet-balances-live", "bybit-test.net-balances-live", "bybit-*-balances-live", "Bybit-testnet-balances-live",
	} {
		_, err := queue.ParseConsumer(name)
		require.ErrorIs(t, err, queue.ErrInvalid, name)
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	account := syncjob.Subject{Kind: syncjob.Account, ID: accountID(7)}
	for want, build := range map[string]func() (string, error){
		"sync.job.live.bybit.testnet.balances.": func() (string, error) { return queue.JobSubject(balances, account) },
		"sync.result.bybit.balances.":           func() (string, error) { return queue.ResultSubject("bybit", syncjob.Balances, account) },
		"sync.run.partial.":                     func() (string, error) { return queue.RunSubject(syncjob.RunPartial, account) },
		"sync.data.balances.":                   func() (string, error) { return queue.DataSubject(syncjob.Balances, account) },
		"sync.dead.bybit.balances.":             func() (string, error) { return queue.DeadSubject("bybit", syncjob.Balances, account) },
	} {
		got, err := build()
		require.NoError(t, err)
		require.Equal(t, want+accountID(7), got)
	}
}

func TestSubjectsRefuseWordsThatChangeTheirMeaning(t *testing.T) {
	t.Parallel()
	account := syncjob.Subject{Kind: syncjob.Account, ID: accountID(7)}
	for _, word := range []string{"", "a.b", "a b", "*", ">", "a\t", "a-b", "Ä", strings.Repeat("x", 33)} {
		c := balances
		c.Exchange = word
		_, err := queue.JobSubject(c, account)
		require.ErrorIs(t, err, queue.ErrInvalid, "exchange %q", word)
		_, err = queue.RunSubject(syncjob.RunStatus(word), account)
		require.ErrorIs(t, err, queue.ErrInvalid, "status %q", word)
	}
	for _, bad := range []string{"", "7", strings.ToUpper("abcdefab-0000-4000-8000-000000000001"), accountID(7) + "0", "abcdefab.0000-4000-8000-000000000001", ">"} {
		_, err := queue.JobSubject(balances, syncjob.Subject{Kind: syncjob.Account, ID: bad})
		require.ErrorIs(t, err, queue.ErrInvalid, "id %q", bad)
	}
}

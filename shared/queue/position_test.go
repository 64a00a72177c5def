package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const ms = time.Millisecond

func position(t *testing.T, q *queue.Queue, c queue.Consumer) queue.Position {
	t.Helper()
	p, err := q.Position(within(t, patience), c)
	require.NoError(t, err)
	return p
}

func TestPositionFollowsAJob(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	placed := publish(t, q, jobs(balances, 1, 3)...)
	line := func() []bool {
		p := position(t, q, balances)
		var in []bool
		for _, at := range placed {
			in = append(in, p.InLine(at.Seq, at.StreamCreated))
		}
		return in
	}
	require.Equal(t, []bool{true, true, true}, line(), "a long queue is not a lost one")

	taken := takeN(t, q, balances, 2)
	require.Equal(t, []bool{true, true, true}, line(), "work in progress is not lost")
	require.NoError(t, taken[1].Ack(within(t, patience)))
	require.Equal(t, []bool{true, true, true}, line(), "the second is settled, but above the floor that tells is not known")
	require.NoError(t, taken[0].Ack(within(t, patience)))
	eventually(t, "the floor rises", func() bool { return position(t, q, balances).AckFloor == 2 })
	require.Equal(t, []bool{false, false, true}, line())
	ackN(t, q, balances, 1)
	p := position(t, q, balances)
	require.True(t, p.Idle())
	require.Equal(t, []bool{false, false, false}, line())
}

func TestPositionOfASnoozedJobIsInLine(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	placed := publish(t, q, job(balances, 1))[0]
	require.NoError(t, takeN(t, q, balances, 1)[0].Nak(time.Hour))
	p := position(t, q, balances)
	require.True(t, p.InLine(placed.Seq, placed.StreamCreated))
	require.Equal(t, 1, p.Unacked)
}

// A message that vanished between others is seen when nothing is left to do.
func TestPositionOfADeletedMessage(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	ensure(t, q, balances)
	orders := balances
	orders.DataType = syncjob.Orders
	placed := publish(t, q, job(balances, 1), job(balances, 2), job(orders, 3))
	stream, err := raw(t, server).Stream(within(t, patience), queue.JobsStream)
	require.NoError(t, err)
	require.NoError(t, stream.DeleteMsg(within(t, patience), placed[1].Seq))
	p := position(t, q, balances)
	require.False(t, p.Idle())
	require.True(t, p.InLine(placed[1].Seq, placed[1].StreamCreated), "while there is other work it cannot be told")
	ackN(t, q, balances, 1)
	eventually(t, "nothing is left", func() bool { return position(t, q, balances).Idle() })
	p = position(t, q, balances)
	require.Less(t, p.AckFloor, placed[1].Seq)
	require.Greater(t, p.LastSeq, placed[1].Seq)
	require.False(t, p.InLine(placed[1].Seq, placed[1].StreamCreated))
}

// The broker counts a message as pending a moment after it has confirmed it. A
// sweep in that moment must not take the job for lost: a pending count of zero
// is believed only if the stream has nothing behind what was delivered.
func TestAPendingCountOfZeroIsChecked(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	orders := balances
	orders.DataType = syncjob.Orders
	nothing, err := q.NothingBehind(within(t, patience), balances, 0)
	require.NoError(t, err)
	require.True(t, nothing, "an empty stream")
	placed := publish(t, q, job(balances, 1), job(balances, 2), job(orders, 3))
	for delivered, want := range map[uint64]bool{placed[0].Seq: false, placed[1].Seq: true, placed[2].Seq: true} {
		nothing, err = q.NothingBehind(within(t, patience), balances, delivered)
		require.NoError(t, err)
		require.Equal(t, want, nothing, "delivered up to %d", delivered)
	}
}

func TestPositionNeverCallsAFreshJobLost(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	for n := 1; n <= 300; n++ {
		placed := publish(t, q, job(balances, n))[0]
		require.True(t, position(t, q, balances).InLine(placed.Seq, placed.StreamCreated), "job %d", n)
		ackN(t, q, balances, 1)
	}
}

func TestPositionOfOtherConsumersDoesNotMatter(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	orders := balances
	orders.DataType = syncjob.Orders
	ensure(t, q, balances)
	ensure(t, q, orders)
	mine := publish(t, q, job(balances, 1))[0]
	publish(t, q, jobs(orders, 2, 9)...)
	ackN(t, q, balances, 1)
	p := position(t, q, balances)
	require.True(t, p.Idle(), "the orders behind are nobody's business here")
	require.False(t, p.InLine(mine.Seq, mine.StreamCreated))
	require.EqualValues(t, 8, position(t, q, orders).Pending)
}

func TestPositionAfterTheBrokerForgot(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	ensure(t, q, balances)
	publish(t, q, jobs(balances, 1, 3)...)
	older := server.Save()
	require.NoError(t, q.Await(within(t, patience)))
	lost := publish(t, q, job(balances, 4))[0]

	server.Restore(older)
	require.NoError(t, q.Await(within(t, patience)))
	p := position(t, q, balances)
	require.True(t, p.StreamCreated.Equal(lost.StreamCreated), "an older copy is the same stream")
	require.EqualValues(t, 3, p.LastSeq)
	require.False(t, p.InLine(lost.Seq, lost.StreamCreated), "beyond the stream's end")
	require.True(t, p.InLine(3, lost.StreamCreated))

	server.Wipe()
	require.NoError(t, q.Await(within(t, patience)))
	_, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	ensure(t, q, balances)
	fresh := publish(t, q, jobs(balances, 5, 8)...)
	p = position(t, q, balances)
	require.False(t, p.InLine(3, lost.StreamCreated), "stored for another stream")
	require.True(t, p.InLine(fresh[2].Seq, fresh[2].StreamCreated))
}

func TestPositionErrorsAreToldApart(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Connect(server.Config())
	_, err := q.Position(within(t, patience), balances)
	require.ErrorIs(t, err, queue.ErrStreamMissing)
	_, err = q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	_, err = q.Position(within(t, patience), balances)
	require.ErrorIs(t, err, queue.ErrConsumerMissing)
	require.NotErrorIs(t, err, queue.ErrStreamMissing)
	server.Stop()
	_, err = q.Position(within(t, patience), balances)
	require.ErrorIs(t, err, queue.ErrUnreachable)
	_, err = q.Lag(within(t, patience))
	require.ErrorIs(t, err, queue.ErrUnreachable)
	_, err = q.EnsureStreams(within(t, patience))
	require.ErrorIs(t, err, queue.ErrUnreachable)
	require.ErrorIs(t, q.Ready(within(t, patience)), queue.ErrUnreachable)
}

func TestLagIsTheBrokersOwn(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	orders := balances
	orders.DataType = syncjob.Orders
	ensure(t, q, orders)
	ensure(t, q, balances)
	publish(t, q, jobs(balances, 1, 2)...)
	taken := takeN(t, q, balances, 2)
	require.NoError(t, taken[0].Nak(0))
	takeN(t, q, balances, 1)
	publish(t, q, jobs(balances, 3, 5)...)
	eventually(t, "the figures settle", func() bool {
		lag, err := q.Lag(within(t, patience))
		require.NoError(t, err)
		require.Len(t, lag, 2)
		require.Equal(t, queue.Lag{Consumer: orders}, lag[1])
		return lag[0] == queue.Lag{Consumer: balances, Pending: 3, InFlight: 2, Redelivered: 1, Delivered: 3}
	})
}

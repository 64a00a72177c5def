package link_test

import (
	"bufio"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/link"
)

const patience = 30 * time.Second

// echo is a server that answers each line with the same line and tells which it
// has heard.
type echo struct {
	address string
	heard   chan string
}

func listen(t *testing.T) *echo {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	e := &echo{address: listener.Addr().String(), heard: make(chan string, 100)}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go e.serve(conn)
		}
	}()
	return e
}

func (e *echo) serve(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		e.heard <- lines.Text()
		if _, err := io.WriteString(conn, lines.Text()+"\n"); err != nil {
			return
		}
	}
}

func between(t *testing.T, e *echo) *link.Link {
	t.Helper()
	l, err := link.New(t.Name(), e.address)
	require.NoError(t, err)
	t.Cleanup(l.Close)
	return l
}

func dial(t *testing.T, l *link.Link) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", l.Address())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// ask sends a line and reports what came back, and after how long.
func ask(conn net.Conn, line string) (string, time.Duration, error) {
	start := time.Now()
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return "", time.Since(start), err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return answer, time.Since(start), err
}

func answered(t *testing.T, conn net.Conn, line string) time.Duration {
	t.Helper()
	answer, took, err := ask(conn, line)
	require.NoError(t, err)
	require.Equal(t, line+"\n", answer)
	return took
}

// eventually connects anew until somebody answers.
func eventually(t *testing.T, l *link.Link) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", l.Address())
		if err != nil {
			return false
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		answer, _, err := ask(conn, "again")
		return err == nil && answer == "again\n"
	}, patience, 10*time.Millisecond)
}

func TestASlowLink(t *testing.T) {
	t.Parallel()
	l := between(t, listen(t))
	conn := dial(t, l)
	answered(t, conn, "one")
	require.NoError(t, l.Delay(100*time.Millisecond, 0))
	require.GreaterOrEqual(t, answered(t, conn, "two"), 200*time.Millisecond, "there and back")
	require.NoError(t, l.Delay(200*time.Millisecond, 0))
	require.GreaterOrEqual(t, answered(t, conn, "three"), 400*time.Millisecond, "the new delay replaces the old one")
	require.NoError(t, l.Heal(t.Context()))
	answered(t, conn, "four")
}

func TestANarrowLink(t *testing.T) {
	t.Parallel()
	l := between(t, listen(t))
	conn := dial(t, l)
	require.NoError(t, l.Throttle(20))
	line := make([]byte, 10_000)
	for i := range line {
		line[i] = 'x'
	}
	require.GreaterOrEqual(t, answered(t, conn, string(line)), 500*time.Millisecond, "ten kilobytes there and ten back")
}

func TestALinkInPieces(t *testing.T) {
	t.Parallel()
	l := between(t, listen(t))
	conn := dial(t, l)
	require.NoError(t, l.Slice(4, 10*time.Millisecond))
	require.GreaterOrEqual(t, answered(t, conn, "a line of some forty letters, in pieces"), 100*time.Millisecond)
}

func TestALostAnswer(t *testing.T) {
	t.Parallel()
	e := listen(t)
	l := between(t, e)
	conn := dial(t, l)
	answered(t, conn, "one")
	require.Equal(t, "one", <-e.heard)
	require.NoError(t, l.Lose(link.Answers))
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	_, _, err := ask(conn, "two")
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
	require.Equal(t, "two", <-e.heard, "the server has heard it")
	require.NoError(t, l.Heal(t.Context()))
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "a connection that has lost something ends")
	eventually(t, l)
}

func TestAHangingLink(t *testing.T) {
	t.Parallel()
	e := listen(t)
	l := between(t, e)
	require.NoError(t, l.Hang())
	conn := dial(t, l)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	_, _, err := ask(conn, "one")
	require.Error(t, err)
	require.Empty(t, e.heard)
	require.NoError(t, l.Heal(t.Context()))
	eventually(t, l)
}

func TestAResetLink(t *testing.T) {
	t.Parallel()
	l := between(t, listen(t))
	require.NoError(t, l.Reset(0))
	conn := dial(t, l)
	_, _, err := ask(conn, "one")
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.NoError(t, l.Heal(t.Context()))
	eventually(t, l)
}

func TestALinkThatEndsInAnAnswer(t *testing.T) {
	t.Parallel()
	e := listen(t)
	l := between(t, e)
	conn := dial(t, l)
	require.NoError(t, l.CutAfter(link.Answers, 6))
	answered(t, conn, "one")
	answer, _, err := ask(conn, "two")
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "tw", answer)
}

func TestACutLink(t *testing.T) {
	t.Parallel()
	l := between(t, listen(t))
	conn := dial(t, l)
	answered(t, conn, "one")
	l.Cut()
	_, _, err := ask(conn, "two")
	require.Error(t, err)
	_, err = net.Dial("tcp", l.Address())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, l.Heal(t.Context()))
	eventually(t, l)
}

func TestAServerThatIsDown(t *testing.T) {
	t.Parallel()
	address, err := link.FreeAddress()
	require.NoError(t, err)
	l, err := link.New(t.Name(), address)
	require.NoError(t, err)
	t.Cleanup(l.Close)
	_, _, err = ask(dial(t, l), "one")
	require.Error(t, err)
}

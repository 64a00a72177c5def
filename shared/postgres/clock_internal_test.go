package postgres

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheServersClockGoesOnBetweenReadings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c serverClock
		require.Equal(t, time.Now(), c.now(), "nothing was read yet")
		server := time.Now().Add(-10 * time.Minute) // our own is ten minutes ahead
		c.note(server, time.Now())
		time.Sleep(3 * time.Second)
		require.True(t, server.Add(3*time.Second).Equal(c.now()))
		c.note(server.Add(4*time.Second), time.Now())
		require.True(t, server.Add(4*time.Second).Equal(c.now()), "the latest reading counts")
	})
}

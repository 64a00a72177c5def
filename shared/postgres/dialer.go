package postgres

import (
	"net"
	"time"
)

// silentPeerLimit is how long a connection may go without a sign of life from
// the other machine before the kernel ends it. Without it a server that loses
// power keeps its clients waiting for a quarter of an hour.
const silentPeerLimit = 10 * time.Second

func dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable:   true,
			Idle:     silentPeerLimit / 2,
			Interval: silentPeerLimit / 5,
			Count:    3,
		},
		Control: limitUnacknowledged,
	}
}

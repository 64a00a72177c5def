// Package queuemetrics makes the figures of a process's connection to the broker
// metrics. It stands apart from package queue so that who measures nothing needs
// no metrics library.
package queuemetrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/alphapulse/alphapulse/shared/queue"
)

// Register shows the figures of a connection; with a nil registry nothing
// happens. A process has one connection, and a registry takes one.
func Register(registry prometheus.Registerer, q *queue.Queue) {
	if registry == nil {
		return
	}
	registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "alphapulse_broker_connected", Help: "1 while there is a connection to the broker.",
		}, func() float64 {
			if q.Connected() {
				return 1
			}
			return 0
		}),
		count("reconnects", "Connections to the broker that were made after the first.", nil,
			func() uint64 { return q.Counts().Reconnects }),
		dropped("expired", func() uint64 { return q.Counts().Expired }),
		dropped("refused", func() uint64 { return q.Counts().Refused }),
		dropped("returned", func() uint64 { return q.Counts().Returned }),
	)
}

func dropped(reason string, value func() uint64) prometheus.Collector {
	return count("unworked_messages", "Messages that no worker saw: expired with their run, refused as broken or forged, returned while stopping.",
		prometheus.Labels{"reason": reason}, value)
}

func count(name, help string, labels prometheus.Labels, value func() uint64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "alphapulse_broker_" + name + "_total", Help: help, ConstLabels: labels,
	}, func() float64 { return float64(value()) })
}

// Package metrics holds what the metrics of all processes have in common.
//
// A process has one registry and passes it to its parts as a
// prometheus.Registerer; nil measures nothing that anyone can read. What is
// measured is declared next to it, in a file metrics.go. Every name begins with
// alphapulse_, a unit is a base unit (seconds, bytes), and no label holds an
// account, a run or a job, so that the number of series does not grow with
// them. docs/metrics.md lists all of them, and a test keeps it true.
package metrics

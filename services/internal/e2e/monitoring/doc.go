// Package monitoring holds the tests of the alerts and dashboards against a fleet
// of processes and a real Prometheus that scrapes them. It has no code of its own.
package monitoring

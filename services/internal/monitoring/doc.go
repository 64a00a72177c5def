// Package monitoring reads what the fleet is watched with: the alerts and their
// tests under deployments/prometheus, the dashboards under deployments/grafana,
// the list of metrics in docs/metrics.md and the runbook. Its tests hold them
// against each other; those that need a running fleet are in e2e/monitoring.
package monitoring

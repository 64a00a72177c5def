// Package prometheustest runs a real Prometheus for a test, and promtool. Both
// are found as deployments/install-prometheus.sh finds them: in the directory
// that ALPHAPULSE_PROMETHEUS_BIN names, on PATH, or in .tools/prometheus of the
// repository, where that script puts them.
//
// Nothing but tests may import this package.
package prometheustest

// Package years holds the tests that read a year of history, against real parts
// as those of package e2e do. They take minutes, most of which they wait for an
// exchange's limits, and so run beside those.
package years

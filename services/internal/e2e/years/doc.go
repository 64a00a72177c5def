// Package years holds the tests that read a year of history, against real parts
// as those of package e2e do. They take minutes, in which they kill workers by the
// clock and wait for an exchange's limits, and so run after all others.
package years

// Package drift compares what AlphaPulse has stored with the truth of the
// stand-in exchange, row by row and as exact decimals. The mapping from wire to
// column is written here anew, from the exchange's documentation, so that a
// mistake in the worker's does not hide itself.
package drift

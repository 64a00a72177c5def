// Package matrix runs the fault matrix: a sequence of faults that a seed decides,
// one topology after the other, an audit that never stops, and a report. The seed
// decides which fault comes when and whom it meets; how far the sequence gets is
// a matter of the time it is given.
package matrix

// Package audit checks what must hold whatever struck: while the faults go on,
// and at the end against the exchange's own truth.
package audit

// Package faults is the fault matrix: each cell is one Fault, with the topology
// it needs, the time that the fleet has to recover, and what must be true
// afterwards beside the invariants that always hold.
package faults

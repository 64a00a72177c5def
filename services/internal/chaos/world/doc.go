// Package world is the fleet that the faults meet: real processes of a binary
// with failpoints, a real Postgres, a real JetStream, the stand-in exchange over
// HTTP, and the load. What a fault takes away it gives back; a process that dies
// is started again, as a supervisor would.
package world

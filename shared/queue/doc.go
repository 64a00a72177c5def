// Package queue is everything AlphaPulse knows of JetStream: the streams, the
// consumers, how jobs are published, taken and settled, and what the broker
// says about lag. Nothing above it imports nats.go.
//
// # What is promised
//
// Messages wake, tables decide (docs/protocol.md). Any message may be lost,
// repeated or come out of order, and any stream or consumer may vanish; the
// package never pretends otherwise. A publish that was not answered is
// [ErrUnknownOutcome] and not a failure; a message that was taken comes again
// unless its Ack was answered; and a missing stream or consumer is waited for,
// not fatal, because the scheduler makes it again from the tables.
//
// What it does promise: a message that reached this process is handed to the
// caller or given back to the broker at once, never kept in a buffer; a
// foreign or broken message is refused and logged and stops nobody; and the
// pair of sequence and stream creation time given for a published job is
// always of one and the same stream.
//
// # What is on the wire
//
// Bodies are protocol buffers of alphapulse/sync/v1 in their JSON form with
// the names of the .proto files, so that `nats sub 'sync.>'` can be read by a
// person. Readers discard fields they do not know, so a newer process may add
// fields while older ones run. Creation times of streams are cut to
// microseconds, which is what a timestamptz column holds: a value that went
// through the database compares equal to one that did not.
package queue

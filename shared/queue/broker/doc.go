// Package broker runs nats-server with JetStream inside this process, for
// `alphapulse up` and for tests. A fleet runs nats-server on its own.
//
// The store directory belongs to one broker at a time; a lock on a file in it
// makes sure, because two servers on one store destroy it. The lock ends with
// the process, however it ends.
//
// Unless SyncAlways is set, a message that was confirmed is on its way to the
// disk, not on it: killing the process loses nothing, a power cut may lose the
// last two minutes or a whole stream. Nothing of ours depends on it, since the
// tables say what has to be published again; SyncAlways makes it a matter of
// milliseconds instead of seconds.
package broker

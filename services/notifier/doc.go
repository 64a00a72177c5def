// Package notifier tells people what they have to know, once when it begins and
// once when it is over.
//
// A condition is something that lasts: runs that fail, data that is stale, a key
// that expires, a ban, a server that cannot be reached. Every few seconds the
// conditions in force are read from the tables; what is new, worse or over
// becomes a notice, and a delivery of it for each target, in the same
// transaction. Deliveries are repeated until the target has taken them or their
// attempts are used up, and are dead letters of their own then.
//
// Any number of notifiers may run: one at a time looks, by an advisory lock, and
// each takes deliveries that no other has. A notice may come twice, if a notifier
// dies between a target's answer and the record of it; its id is the same.
//
// The one condition that no table can hold is that the tables cannot be reached:
// each notifier tells of its own database by itself, from memory.
package notifier

// Package scheduler turns time into jobs and keeps every job moving: it plans
// what is due, publishes it, makes the streams and consumers that jobs travel
// through, and brings back what was lost on the way.
//
// While its publisher is at work, a planner writes jobs as published already and hands
// them over, so that nobody has to look for them and write them again. Whatever stops
// that, a broker that is away or a process that dies, leaves rows as a publisher leaves
// them that died before it published.
//
// # Guarantees
//
//   - Any number of schedulers may run. None is the leader: each statement takes
//     the rows that no other one is working on, and a slot, a publication or a
//     lost job is taken once.
//   - A scheduler holds no state that matters. One that is killed anywhere leaves
//     rows that the next sweep, its own or another's, brings on: a job that was
//     taken for publishing and has no stream sequence is published again after
//     ten seconds, a lease that ended is taken back, a run past its deadline is
//     ended.
//   - Its loops are independent. A step that fails is logged with its cause and
//     tried again after a pause; the others go on. While Postgres or the broker
//     is away nothing spins and nothing is concluded from the silence: a stream
//     is made only when the broker answers and says that there is none.
//
// docs/protocol.md has the rules by number: planning is 5, publishing 9, the
// sweeps 10, 11 and 12.
package scheduler

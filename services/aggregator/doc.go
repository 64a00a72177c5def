// Package aggregator folds the outcomes of jobs into the status of their run,
// and announces runs that ended, data that changed and jobs that died.
//
// # Guarantees
//
//   - A run is folded once, from the tables alone: a result message only says
//     which run to look at. So results may be lost, repeated or come out of
//     order, and any number of aggregators may run.
//   - A result is acked after the fold that it caused is committed. A process that
//     dies before leaves a result that comes again, and a run that the sweep finds
//     within a second if it does not.
//   - What is announced is recorded after the broker has it. A process that dies
//     in between announces again under the same message id, so readers have to
//     stand a repetition that comes later than the broker's dedupe window.
package aggregator

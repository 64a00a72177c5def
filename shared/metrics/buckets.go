package metrics

// The buckets of durations, in seconds. They are few, because each of them is a
// series for every combination of labels.

// Fast are those of what takes milliseconds: a statement, a publication.
func Fast() []float64 { return []float64{0.005, 0.025, 0.1, 0.5, 2.5} }

// Slow are those of what takes seconds: a reading of the exchange.
func Slow() []float64 { return []float64{0.1, 0.5, 2.5, 10, 30, 60} }

// Waits are those of what may wait for minutes: a job in its queue.
func Waits() []float64 { return []float64{0.1, 1, 5, 15, 60, 600} }

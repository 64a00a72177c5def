package postgres

import "time"

// TxOutcome is how one try of a transaction ended.
type TxOutcome string

const (
	// TxCommitted: the server confirmed the commit.
	TxCommitted TxOutcome = "committed"
	// TxRolledBack: nothing was stored.
	TxRolledBack TxOutcome = "rolled_back"
	// TxUnknown: the commit was not answered.
	TxUnknown TxOutcome = "unknown"
)

// TxReport is given to Config.OnTx for each try. Labels are few and fixed, so
// they may become a metric's label.
type TxReport struct {
	Pool     string
	Label    string
	Duration time.Duration
	Outcome  TxOutcome
}

func (db *DB) report(label string, started time.Time, outcome TxOutcome) {
	took := time.Since(started)
	switch outcome {
	case TxCommitted:
		db.counts.committed.Add(1)
	case TxUnknown:
		db.counts.unknown.Add(1)
	default:
		db.counts.rolledBack.Add(1)
	}
	if limit := db.cfg.SlowTransaction; limit > 0 && took >= limit {
		db.counts.slow.Add(1)
		db.log.WithField("tx", label).WithField("took", took.Round(time.Millisecond).String()).
			WithField("outcome", string(outcome)).Warn("slow transaction")
	}
	if db.cfg.OnTx != nil {
		db.cfg.OnTx(TxReport{Pool: db.cfg.Name, Label: label, Duration: took, Outcome: outcome})
	}
}

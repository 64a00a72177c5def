package ledger

import (
	"context"
	"fmt"
)

// histories are the tables that alphapulse.history_retention may name.
func histories() []string {
	return []string{"balances_history", "positions_history", "orders_history", "prices_history"}
}

// PruneHistory deletes at most limit rows of each history table that ended
// longer ago than alphapulse.history_retention keeps them. Without a row there,
// or where it says NULL, nothing is deleted; an open row never is. It returns
// how many went from the table that lost most: limit means that there may be
// more.
//
// The table also records up to when rows are gone, in the transaction that
// deletes them, so that a question about an instant before then is refused.
func (l *Ledger) PruneHistory(ctx context.Context, limit int) (int, error) {
	most := 0
	for _, table := range histories() {
		var pruned int
		if err := l.db.QueryRow(ctx, pruneHistorySQL(table), table, limit).Scan(&pruned); err != nil {
			return most, fmt.Errorf("pruning %s: %w", table, err)
		}
		most = max(most, pruned)
	}
	return most, nil
}

// pruneHistorySQL takes the oldest ends first, so that pruned_to moves with the
// batches and never beyond what is gone.
func pruneHistorySQL(table string) string {
	return fmt.Sprintf(`
WITH gone AS (
    DELETE FROM alphapulse.%[1]s
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM alphapulse.%[1]s
        WHERE valid_to < (SELECT clock_timestamp() - keep FROM alphapulse.history_retention WHERE table_name = $1)
        ORDER BY valid_to LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING valid_to),
marked AS (
    UPDATE alphapulse.history_retention SET pruned_to = greatest(pruned_to, g.upto)
    FROM (SELECT max(valid_to) AS upto FROM gone) g
    WHERE table_name = $1 AND g.upto IS NOT NULL)
SELECT count(*) FROM gone`, table)
}

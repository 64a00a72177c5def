package ledger

import (
	"context"
	"fmt"
)

// Stretch sets how much longer than asked the cadences of each market are, so
// that the planned load stays within a budget of requests per second. What a
// job costs is what the last one of its kind cost, or a guess before the first.
// A budget of 0 means no limit. It returns the markets that are stretched.
func (l *Ledger) Stretch(ctx context.Context, budget float64) (map[string]float64, error) {
	const update = `
WITH planned AS (
    SELECT coalesce(s.market_id, a.market_id) AS market_id,
           sum(coalesce(t.exchange_requests, CASE s.data_type WHEN 'orders' THEN 9 WHEN 'balances' THEN 1 ELSE 4 END)
               / extract(epoch FROM s.every)) AS per_second
    FROM alphapulse.schedules s
    LEFT JOIN alphapulse.accounts a ON a.id = s.account_id
    LEFT JOIN alphapulse.sync_state t ON t.subject_id = s.subject_id AND t.data_type = s.data_type
    WHERE s.enabled AND (a.id IS NULL OR a.status = 'active')
    GROUP BY 1),
wanted AS (
    SELECT m.id, CASE WHEN $1::numeric = 0 THEN 1
                      ELSE greatest(1, ceil(10 * coalesce(p.per_second, 0) / nullif($1::numeric, 0)) / 10) END AS stretch
    FROM alphapulse.markets m LEFT JOIN planned p ON p.market_id = m.id),
changed AS (
    SELECT m.id, w.stretch FROM alphapulse.markets m JOIN wanted w ON w.id = m.id
    WHERE m.stretch <> w.stretch ORDER BY m.id FOR NO KEY UPDATE OF m SKIP LOCKED),
stretched AS (
    UPDATE alphapulse.markets m SET stretch = c.stretch FROM changed c WHERE c.id = m.id)
SELECT id, stretch::double precision FROM wanted WHERE stretch > 1`
	rows, err := l.db.Query(ctx, update, budget)
	if err != nil {
		return nil, fmt.Errorf("weighing the planned load: %w", err)
	}
	defer rows.Close()
	stretched := map[string]float64{}
	for rows.Next() {
		var id string
		var factor float64
		if err := rows.Scan(&id, &factor); err != nil {
			return nil, fmt.Errorf("weighing the planned load: %w", err)
		}
		stretched[id] = factor
	}
	return stretched, rows.Err()
}

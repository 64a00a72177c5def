package api

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// notices is NoticeService.
type notices struct{ *API }

// ListNotices implements NoticeService.
func (s notices) ListNotices(ctx context.Context, req *controlv1.ListNoticesRequest) (*controlv1.ListNoticesResponse, error) {
	limit := int(req.GetLimit())
	switch {
	case limit == 0:
		limit = defaultRows
	case limit < 0 || limit > maxRows:
		return nil, badRequest("limit", "", fmt.Errorf("a list has 1 to %d notices", maxRows))
	}
	return list(s.API, func(_ *ledger.Ledger, db *postgres.DB) (*controlv1.ListNoticesResponse, error) {
		found, err := readNotices(ctx, db, req, limit)
		if err != nil {
			return nil, err
		}
		return &controlv1.ListNoticesResponse{Notices: found}, addDeliveries(ctx, db, found)
	})
}

func readNotices(
	ctx context.Context, db *postgres.DB, req *controlv1.ListNoticesRequest, limit int,
) ([]*controlv1.Notice, error) {
	const read = `
SELECT n.id, n.kind, n.subject, n.state, n.level, n.message, n.since, n.at FROM alphapulse.notices n
WHERE ($1 = 0 OR n.id < $1)
  AND (NOT $2 OR EXISTS (SELECT FROM alphapulse.notice_deliveries d WHERE d.notice_id = n.id AND d.status = 'dead'))
  AND (NOT $3 OR (n.state = 'firing' AND EXISTS (
       SELECT FROM alphapulse.conditions c
       WHERE c.kind = n.kind AND c.subject = n.subject AND c.since = n.since AND c.level = n.level)))
ORDER BY n.id DESC LIMIT $4`
	rows, err := db.Query(ctx, read, req.GetBefore(), req.GetDead(), req.GetFiring(), limit)
	if err != nil {
		return nil, fmt.Errorf("listing notices: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*controlv1.Notice, error) {
		n := &controlv1.Notice{}
		var since, at *time.Time
		err := row.Scan(&n.Id, &n.Condition, &n.Subject, &n.State, &n.Level, &n.Message, &since, &at)
		n.Since, n.At = stamp(since), stamp(at)
		return n, err
	})
}

func addDeliveries(ctx context.Context, db *postgres.DB, list []*controlv1.Notice) error {
	byID := make(map[int64]*controlv1.Notice, len(list))
	ids := make([]int64, 0, len(list))
	for _, n := range list {
		byID[n.GetId()] = n
		ids = append(ids, n.GetId())
	}
	rows, err := db.Query(ctx, `
SELECT notice_id, target, status, attempts, last_error, next_at, delivered_at FROM alphapulse.notice_deliveries
WHERE notice_id = ANY ($1) ORDER BY notice_id, target`, ids)
	if err != nil {
		return fmt.Errorf("listing deliveries: %w", err)
	}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
		var id int64
		var next, delivered *time.Time
		d := &controlv1.Delivery{}
		err := row.Scan(&id, &d.Target, &d.Status, &d.Attempts, &d.LastError, &next, &delivered)
		d.NextAt, d.DeliveredAt = stamp(next), stamp(delivered)
		byID[id].Deliveries = append(byID[id].Deliveries, d)
		return struct{}{}, err
	})
	return err
}

// RetryNotices implements NoticeService.
func (s notices) RetryNotices(ctx context.Context, req *controlv1.RetryNoticesRequest) (*controlv1.RetryNoticesResponse, error) {
	const retry = `
UPDATE alphapulse.notice_deliveries SET status = 'pending', attempts = 0, next_at = clock_timestamp()
WHERE status = 'dead' AND (cardinality($1::bigint[]) = 0 OR notice_id = ANY ($1))`
	ids := req.GetIds()
	if ids == nil {
		ids = []int64{}
	}
	tag, err := s.deps.DB.Exec(ctx, retry, ids)
	if err != nil {
		return nil, fmt.Errorf("retrying notices: %w", err)
	}
	s.log.WithField("retried", tag.RowsAffected()).Info("api: notices are sent again")
	return &controlv1.RetryNoticesResponse{Retried: tag.RowsAffected()}, nil
}

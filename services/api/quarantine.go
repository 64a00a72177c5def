package api

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	defaultRows = 100
	maxRows     = 1000
)

// quarantine is QuarantineService.
type quarantine struct{ *API }

// ListQuarantine implements QuarantineService.
func (s quarantine) ListQuarantine(
	ctx context.Context, req *controlv1.ListQuarantineRequest,
) (*controlv1.ListQuarantineResponse, error) {
	if err := checkWord("data type", req.GetDataType(), words(syncjob.Requestable())); err != nil {
		return nil, err
	}
	filter := ledger.QuarantineFilter{DataType: syncjob.DataType(req.GetDataType()), Limit: int(req.GetLimit())}
	switch {
	case filter.Limit == 0:
		filter.Limit = defaultRows
	case filter.Limit < 0 || filter.Limit > maxRows:
		return nil, badRequest("limit", "", fmt.Errorf("a list has 1 to %d rows", maxRows))
	}
	if req.GetAccount() != "" {
		account, err := s.account(ctx, req.GetAccount())
		if err != nil {
			return nil, err
		}
		filter.SubjectID = account.ID
	}
	rows, err := s.ledger.QuarantineRows(ctx, filter)
	if err != nil {
		return nil, err
	}
	out := &controlv1.ListQuarantineResponse{}
	if out.Total, err = s.ledger.QuarantineCount(ctx, filter); err != nil {
		return nil, err
	}
	named, err := s.marketNames(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		out.Rows = append(out.Rows, quarantined(row, named))
	}
	return out, nil
}

// marketNames says what each market is called, by its id.
func (a *API) marketNames(ctx context.Context) (map[string]string, error) {
	markets, err := a.ledger.Markets(ctx)
	named := map[string]string{}
	for _, m := range markets {
		named[m.ID] = m.Exchange + " " + m.Environment
	}
	return named, err
}

// quarantined is a row without its payload.
func quarantined(q ledger.QuarantineRow, markets map[string]string) *controlv1.Quarantined {
	return &controlv1.Quarantined{
		Id: q.ID, Account: q.Account, Market: markets[q.Subject.ID], DataType: string(q.DataType), Scope: q.Scope,
		RowKey: q.RowKey, Reason: q.Reason, RunId: q.RunID, FirstSeenAt: timestamppb.New(q.FirstSeenAt),
		LastSeenAt: timestamppb.New(q.LastSeenAt), Seen: q.Seen, RetriedAt: stamp(q.RetriedAt),
	}
}

// GetQuarantined implements QuarantineService.
func (s quarantine) GetQuarantined(
	ctx context.Context, req *controlv1.GetQuarantinedRequest,
) (*controlv1.GetQuarantinedResponse, error) {
	row, err := s.ledger.QuarantineRow(ctx, req.GetId())
	if err != nil {
		return nil, noRow(err)
	}
	named, err := s.marketNames(ctx)
	if err != nil {
		return nil, err
	}
	out := quarantined(row, named)
	out.Payload = row.Payload
	return &controlv1.GetQuarantinedResponse{Row: out}, nil
}

// RetryQuarantine implements QuarantineService.
func (s quarantine) RetryQuarantine(
	ctx context.Context, req *controlv1.RetryQuarantineRequest,
) (*controlv1.RetryQuarantineResponse, error) {
	ids, err := s.chosenRows(ctx, req.GetIds(), req.GetAll())
	if err != nil {
		return nil, err
	}
	out := &controlv1.RetryQuarantineResponse{Rows: int64(len(ids))}
	if len(ids) == 0 {
		return out, nil
	}
	started, err := s.ledger.RetryQuarantine(ctx, ids)
	for _, run := range started {
		s.log.WithField("run_id", run.ID).WithField("account", run.Account).Info("api: retry of rows in quarantine started")
		message, readErr := s.withTotals(ctx, run)
		if readErr != nil {
			return nil, readErr
		}
		out.Runs = append(out.Runs, message)
	}
	if err != nil {
		return nil, notRetried(err)
	}
	return out, nil
}

// notRetried says why rows cannot be read again now.
func notRetried(err error) error {
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return noRow(err)
	case errors.Is(err, ledger.ErrPaused), errors.Is(err, ledger.ErrPending):
		return nothingTo("account_not_active", "`alphapulse accounts list` shows which; name rows of other accounts by their numbers",
			fmt.Errorf("an account that a row is of is not active: %w", err))
	default:
		return err
	}
}

// DropQuarantine implements QuarantineService.
func (s quarantine) DropQuarantine(
	ctx context.Context, req *controlv1.DropQuarantineRequest,
) (*controlv1.DropQuarantineResponse, error) {
	ids, err := s.chosenRows(ctx, req.GetIds(), req.GetAll())
	if err != nil {
		return nil, err
	}
	for _, id := range req.GetIds() { // none is dropped if one of them is a mistake
		if _, err := s.ledger.QuarantineRow(ctx, id); err != nil {
			return nil, noRow(err)
		}
	}
	dropped, err := s.ledger.DropQuarantine(ctx, ids)
	if err != nil {
		return nil, err
	}
	s.log.WithField("rows", dropped).Info("api: rows in quarantine dropped")
	return &controlv1.DropQuarantineResponse{Rows: int64(dropped)}, nil
}

// chosenRows are the rows asked for: those named, or all there are now.
func (s quarantine) chosenRows(ctx context.Context, ids []int64, all bool) ([]int64, error) {
	if all == (len(ids) > 0) || len(ids) > maxRows {
		return nil, badRequest("rows", "", fmt.Errorf("name 1 to %d rows, or ask for all, and not both", maxRows))
	}
	if !all {
		return ids, nil
	}
	filter := ledger.QuarantineFilter{Limit: maxRows}
	for {
		rows, err := s.ledger.QuarantineRows(ctx, filter)
		for _, row := range rows {
			ids = append(ids, row.ID)
			filter.BeforeID = row.ID
		}
		if err != nil || len(rows) < maxRows {
			return ids, err
		}
	}
}

func noRow(err error) error {
	if !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	return notFound("row_not_found", "`alphapulse quarantine list` shows those that are there", err)
}

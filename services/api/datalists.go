package api

import (
	"context"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/data"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ListOrders implements DataService.
func (s datas) ListOrders(ctx context.Context, req *controlv1.ListOrdersRequest) (*controlv1.ListOrdersResponse, error) {
	filter := data.OrderFilter{Category: req.GetCategory(), Symbol: req.GetSymbol(), Statuses: req.GetStatuses()}
	err := checkCategory(req.GetCategory())
	for _, status := range req.GetStatuses() {
		if err == nil {
			err = checkWord("status", status, orderStatuses())
		}
	}
	if err != nil {
		return nil, err
	}
	if filter.Since, filter.Until, err = checkSpan(req.GetSince(), req.GetUntil()); err != nil {
		return nil, err
	}
	page, err := checkPage(req.GetPageSize(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	out := &controlv1.ListOrdersResponse{}
	out.State, err = s.read(ctx, req.GetAccount(), syncjob.Orders, req.GetAt(), func(r data.Reader, _ ledger.Account) (err error) {
		out.Orders, out.NextPageToken, err = r.Orders(ctx, filter, page)
		return err
	})
	return out, err
}

func orderStatuses() []string {
	return []string{
		"untriggered", "open", "partially_filled", "filled", "cancelled", "rejected", "expired", "cancelled_inferred", "unknown",
	}
}

// ListFills implements DataService.
func (s datas) ListFills(ctx context.Context, req *controlv1.ListFillsRequest) (*controlv1.ListFillsResponse, error) {
	filter := data.FillFilter{Category: req.GetCategory(), Symbol: req.GetSymbol(), OrderID: req.GetOrderId()}
	err := checkCategory(req.GetCategory())
	if err != nil {
		return nil, err
	}
	if filter.Since, filter.Until, err = checkSpan(req.GetSince(), req.GetUntil()); err != nil {
		return nil, err
	}
	page, err := checkPage(req.GetPageSize(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	out := &controlv1.ListFillsResponse{}
	out.State, err = s.read(ctx, req.GetAccount(), syncjob.Fills, nil, func(r data.Reader, _ ledger.Account) (err error) {
		out.Fills, out.NextPageToken, err = r.Fills(ctx, filter, page)
		return err
	})
	return out, err
}

func checkPage(size int32, token string) (data.Page, error) {
	page, err := data.ParsePage(size, token)
	if err != nil {
		return page, badRequest("page_token", "begin the list anew", err)
	}
	return page, nil
}

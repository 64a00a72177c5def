package bybit

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// page is one answer of a list endpoint.
type page struct {
	rows   []json.RawMessage
	cursor string
	at     time.Time
	reply  reply
}

// fetch reads one page; cursor is empty for the first.
type fetch func(ctx context.Context, cursor string) (page, *exchange.Error)

// pages makes a fetch of a list endpoint.
func (s *session) pages(ep endpoint, query url.Values) fetch {
	return func(ctx context.Context, cursor string) (page, *exchange.Error) {
		query := maps.Clone(query)
		if cursor != "" {
			// The cursor is sent as it came: Encode escapes its percent signs
			// once more, and the server undoes that.
			query.Set("cursor", cursor)
		}
		got, fault := s.get(ctx, ep, query)
		if fault != nil {
			return page{}, fault
		}
		return s.parsePage(got)
	}
}

// parsePage does not take a list that is missing or null for an empty one:
// nothing may be deleted because of it.
func (s *session) parsePage(got reply) (page, *exchange.Error) {
	result, err := got.listed()
	if err != nil {
		return page{}, s.shapeFault(got, err)
	}
	rows := result.rowsOf(got.endpoint)
	if rows == nil {
		return page{}, s.shapeFault(got, errNoList)
	}
	return page{rows: rows, cursor: string(result.Cursor), at: got.at, reply: got}, nil
}

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

// listResult is the result of a list endpoint: most call their rows list, the
// asset endpoints do not.
type listResult struct {
	List       values
	Rows       values
	Balance    values
	SubMembers values
	Cursor     text
}

func (r *listResult) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "list":
		return &r.List
	case "rows":
		return &r.Rows
	case "balance":
		return &r.Balance
	case "subMembers":
		return &r.SubMembers
	case "nextPageCursor":
		return &r.Cursor
	default:
		return nil
	}
}

func (r listResult) rowsOf(ep endpoint) values {
	switch ep {
	case depositRecords, withdrawalRecords:
		return r.Rows
	case coinBalances:
		return r.Balance
	case subMembers:
		return r.SubMembers
	default:
		return r.List
	}
}

// parsePage does not take a list that is missing or null for an empty one:
// nothing may be deleted because of it.
func (s *session) parsePage(got reply) (page, *exchange.Error) {
	var result listResult
	if err := read(got.result, &result); err != nil {
		return page{}, s.shapeFault(got, err)
	}
	rows := result.rowsOf(got.endpoint)
	if rows == nil {
		return page{}, s.shapeFault(got, errNoList)
	}
	return page{rows: rows, cursor: string(result.Cursor), at: got.at, reply: got}, nil
}

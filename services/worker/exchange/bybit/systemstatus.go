package bybit

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// statusRow is one announcement of maintenance. UIDs lists the last digits of
// the accounts that it concerns; none means all.
type statusRow struct {
	Title text
	State text
	End   millis
	UIDs  integers
}

func (r *statusRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "title":
		return &r.Title
	case "state":
		return &r.State
	case "end":
		return &r.End
	case "uidSuffix":
		return &r.UIDs
	default:
		return nil
	}
}

// troubled reports whether a fault may be due to maintenance, for which the
// exchange has no code of its own: it answers with those of a server in trouble.
func troubled(fault *exchange.Error) bool {
	return fault.Class == exchange.Transient && (fault.Code == "10016" || fault.Code == "10000" || strings.HasPrefix(fault.Code, "http 5"))
}

// orMaintenance asks, after a fault that may be due to it, whether maintenance is
// going on. If so, the fault says so and until when. It is of class Maintenance
// only if all accounts are concerned, since that class closes the market to all
// of them. If nobody knows, the fault stays what it was.
func (s *session) orMaintenance(ctx context.Context, fault *exchange.Error) *exchange.Error {
	if !troubled(fault) {
		return fault
	}
	var got reply
	err := s.host.Caller.Once(ctx, s.use(systemStatus), func(ctx context.Context) error {
		answer, fault := s.send(ctx, systemStatus, "")
		if fault != nil {
			return fault
		}
		got = answer
		return nil
	})
	if err != nil {
		return fault
	}
	page, unread := s.parsePage(got)
	if unread != nil {
		return fault
	}
	for _, raw := range page.rows {
		var row statusRow
		if read(raw, &row) == nil && row.State == "ongoing" && row.concerns(s.uid) {
			return s.blame(row, fault)
		}
	}
	return fault
}

func (r statusRow) concerns(uid string) bool {
	if len(r.UIDs) == 0 {
		return true
	}
	return slices.ContainsFunc(r.UIDs, func(digit integer) bool {
		return uid != "" && strings.HasSuffix(uid, strconv.FormatInt(digit.value, 10))
	})
}

// longestMaintenance is the most that is waited before looking again: what an
// announcement closes, and until when, is not always what it says.
const longestMaintenance = time.Hour

// blame names the maintenance as the cause of a fault.
func (s *session) blame(row statusRow, fault *exchange.Error) *exchange.Error {
	explained := *fault
	explained.Message = "the exchange is in maintenance (" + strconv.Quote(s.redact(string(row.Title), "")) + "): " + fault.Message
	now := time.Now()
	if end := s.host.Clock.Local(row.End.at); !row.End.at.IsZero() && end.After(now) {
		explained.RetryAt = now.Add(min(end.Sub(now), longestMaintenance))
	}
	if len(row.UIDs) == 0 {
		explained.Class = exchange.Maintenance
	}
	return &explained
}

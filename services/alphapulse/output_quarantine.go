package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// quarantinedView is a row in quarantine in JSON.
type quarantinedView struct {
	ID          int64      `json:"id"`
	Account     string     `json:"account"`
	Market      string     `json:"market"`
	DataType    string     `json:"data_type"`
	Scope       string     `json:"scope"`
	RowKey      string     `json:"row_key"`
	Reason      string     `json:"reason"`
	RunID       string     `json:"run_id"`
	FirstSeenAt *time.Time `json:"first_seen_at"`
	LastSeenAt  *time.Time `json:"last_seen_at"`
	Seen        int64      `json:"seen"`
	RetriedAt   *time.Time `json:"retried_at"`
	Payload     *string    `json:"payload,omitempty"`
}

func viewQuarantined(q *controlv1.Quarantined) quarantinedView {
	return quarantinedView{
		ID: q.GetId(), Account: q.GetAccount(), Market: q.GetMarket(), DataType: q.GetDataType(), Scope: q.GetScope(),
		RowKey: q.GetRowKey(), Reason: q.GetReason(), RunID: q.GetRunId(), FirstSeenAt: instant(q.GetFirstSeenAt()),
		LastSeenAt: instant(q.GetLastSeenAt()), Seen: q.GetSeen(), RetriedAt: instant(q.GetRetriedAt()),
	}
}

func (r *remote) listQuarantine(res *controlv1.ListQuarantineResponse) error {
	p := r.program
	if r.asJSON {
		views := []quarantinedView{}
		for _, row := range res.GetRows() {
			views = append(views, viewQuarantined(row))
		}
		return p.writeJSON(struct {
			Rows  []quarantinedView `json:"rows"`
			Total int64             `json:"total"`
		}{views, res.GetTotal()})
	}
	if len(res.GetRows()) == 0 {
		p.say("There are no such rows in quarantine.")
		return nil
	}
	t := newTable(p.stdout, "ID", "OF", "TYPE", "SCOPE", "ROW", "SEEN", "LAST", "REASON")
	for _, row := range res.GetRows() {
		t.row(strconv.FormatInt(row.GetId(), 10), whose(row), row.GetDataType(), row.GetScope(), orDash(row.GetRowKey()),
			count(row.GetSeen()), moment(row.GetLastSeenAt()), row.GetReason())
	}
	if err := t.end(); err != nil {
		return err
	}
	if more := res.GetTotal() - int64(len(res.GetRows())); more > 0 {
		p.say("… and %s more: --limit", number(int(more), "row"))
	}
	return nil
}

// whose is the account that a row is of, or its market.
func whose(q *controlv1.Quarantined) string {
	if q.GetAccount() != "" {
		return q.GetAccount()
	}
	return q.GetMarket()
}

func (r *remote) showQuarantined(q *controlv1.Quarantined) error {
	p := r.program
	if r.asJSON {
		view := viewQuarantined(q)
		payload := q.GetPayload()
		view.Payload = &payload
		return p.writeJSON(view)
	}
	p.say("Row %d of %s: %s %s", q.GetId(), plain(whose(q)), q.GetDataType(), plain(q.GetScope()))
	p.say("  key         %s", plain(orDash(q.GetRowKey())))
	p.say("  reason      %s", plain(q.GetReason()))
	p.say("  seen        %s, first %s, last %s", number(int(q.GetSeen()), "time"), moment(q.GetFirstSeenAt()), moment(q.GetLastSeenAt()))
	p.say("  last run    %s", q.GetRunId())
	if q.GetRetriedAt() != nil {
		p.say("  retried     %s, in vain", moment(q.GetRetriedAt()))
	}
	p.say("")
	p.say("%s", readable(q.GetPayload()))
	return nil
}

// readable indents a payload that is JSON; of any other, control characters are
// left out line by line.
func readable(payload string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(payload), "", "  ") == nil {
		payload = out.String()
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, payload)
}

package exchangetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// toyPage is an answer of the toy exchange.
type toyPage struct {
	OK   *bool             `json:"ok"`
	At   int64             `json:"at"`
	Rows []json.RawMessage `json:"rows"`
	Next string            `json:"next"`

	Class exchange.Class `json:"class"`
	Said  string         `json:"said"`
	Until int64          `json:"until"`
}

type maker[T exchange.Keyed] func(scope exchange.Scope, row toyRow, value exchange.Number) T

func walkToy[T exchange.Keyed](ctx context.Context, c *toyConn, reading Reading, scope exchange.Scope, window exchange.Window, served bool, to maker[T]) exchange.Snapshot[T] {
	s := exchange.Snapshot[T]{Scope: scope}
	if !served && !c.defects.servesAnyScope {
		s.Err = &exchange.Error{Class: exchange.Unsupported, Message: "no such scope"}
		return s
	}
	if c.defects.namesNoScope {
		s.Scope = ""
	}
	seen, met := map[string]bool{}, map[string]bool{}
	for cursor, most := "", 0; ; {
		page, fault := c.get(ctx, reading, scope, window, cursor)
		if fault != nil {
			s.Err = fault
			if c.defects.dropsRowsOnError {
				s.Rows = nil
			}
			return s
		}
		if s.AsOf.IsZero() || c.defects.datesByLastPage {
			s.AsOf = page.time()
		}
		if page.Next == "" && cursor != "" && c.defects.losesLastPage {
			s.Complete = true
			return s
		}
		if s.Err = collect(c, &s, scope, page.Rows, met, to); s.Err != nil {
			return s
		}
		short := len(page.Rows) < most
		most = max(most, len(page.Rows))
		switch {
		case len(page.Rows) == 0 && (c.defects.takesNothingForAFault || c.defects.endsBeforeNothing && cursor != ""):
			s.Err = &exchange.Error{Class: exchange.Incomplete, Message: "a page is missing"}
			return s
		case page.Next == "", short && c.defects.endsOnShortPage:
			s.Complete = true
			return s
		case seen[page.Next] && !c.defects.walksInCircles:
			s.Err = &exchange.Error{Class: exchange.Incomplete, Message: "the cursor leads back"}
			return s
		}
		seen[page.Next] = true
		cursor = page.Next
	}
}

func collect[T exchange.Keyed](c *toyConn, s *exchange.Snapshot[T], scope exchange.Scope, rows []json.RawMessage, met map[string]bool, to maker[T]) *exchange.Error {
	for _, raw := range rows {
		row, fault := parseToy(c, scope, raw, to)
		switch {
		case fault != nil && c.defects.endsOnBadRows:
			return &exchange.Error{Class: exchange.Decode, Message: fault.Reason}
		case fault != nil && !c.defects.swallowsBadRows:
			s.Faults = append(s.Faults, *fault)
		case row != nil && (!met[(*row).Key()] || c.defects.repeatsRows):
			met[(*row).Key()] = true
			s.Rows = append(s.Rows, *row)
		}
	}
	return nil
}

func parseToy[T exchange.Keyed](c *toyConn, scope exchange.Scope, raw []byte, to maker[T]) (*T, *exchange.RowFault) {
	payload := []byte(c.redact(string(raw)))
	if c.defects.showsSecretsInRows {
		payload = raw
	}
	if c.defects.cutsPayloads {
		payload = payload[:min(len(payload), 4)]
	}
	var row toyRow
	if err := json.Unmarshal(raw, &row); err != nil || row.ID == "" {
		key := ""
		if c.defects.inventsKeys {
			key = string(scope) + "/?"
		}
		return nil, &exchange.RowFault{Key: key, Reason: "no id", Payload: payload}
	}
	value, err := c.number(row.Value)
	made := to(scope, row, value)
	if err == nil {
		return &made, nil
	}
	key := made.Key()
	if c.defects.losesKeys {
		key = ""
	}
	return nil, &exchange.RowFault{Key: key, Reason: "value: " + err.Error(), Payload: payload}
}

func (c *toyConn) number(raw json.RawMessage) (exchange.Number, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", errors.New("no text")
	}
	switch {
	case s == "" && c.defects.zeroForNone:
		return "0", nil
	case s == "" || c.defects.passesAnything || isDecimal(s) && !c.defects.floats:
		return exchange.Number(s), nil
	case isDecimal(s):
		f, err := strconv.ParseFloat(s, 64)
		return exchange.Number(strconv.FormatFloat(f, 'f', -1, 64)), err
	default:
		return "", errors.New("no decimal")
	}
}

func reparseToy[T exchange.Keyed](c *toyConn, scope exchange.Scope, payload []byte, to maker[T]) (exchange.Keyed, *exchange.RowFault) {
	if c.defects.noReparse {
		return nil, &exchange.RowFault{Reason: "not now", Payload: payload}
	}
	row, fault := parseToy(c, scope, payload, to)
	if row == nil {
		return nil, fault
	}
	return *row, nil
}

func (c *toyConn) redact(text string) string {
	if c.defects.showsSecrets {
		return text
	}
	for _, secret := range []string{c.key, c.secret, toySignature(c.key)} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}

func toySignature(key string) string {
	if key == "" {
		return ""
	}
	return fmt.Sprintf("signed-%x", len(key)*7919+1000003)
}

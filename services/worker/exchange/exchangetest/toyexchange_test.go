package exchangetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

const (
	toyKey    = "toykey-4711"
	toySecret = "toysecret-0123456789"
)

// toyWire is the toy exchange's format.
type toyWire struct{}

func (toyWire) Asked(r *http.Request) Question {
	q := r.URL.Query()
	asked := Question{Reading: Reading(q.Get("reading")), Scope: exchange.Scope(q.Get("scope"))}
	asked.Page, _ = strconv.Atoi(strings.TrimPrefix(q.Get("cursor"), "page%3D&"))
	from, _ := strconv.ParseInt(q.Get("from"), 10, 64)
	to, _ := strconv.ParseInt(q.Get("to"), 10, 64)
	if to > 0 {
		asked.Window = exchange.Window{From: time.UnixMilli(from), To: time.UnixMilli(to)}
	}
	return asked
}

func (toyWire) Page(p Page) Answer {
	ok := true
	page := toyPage{OK: &ok, At: p.At.UnixMilli(), Rows: []json.RawMessage{}}
	for _, row := range p.Rows {
		page.Rows = append(page.Rows, row)
	}
	if p.Next >= 0 {
		page.Next = fmt.Sprintf("page%%3D&%d", p.Next)
	}
	return answerToy(page)
}

func answerToy(page toyPage) Answer {
	body, err := json.Marshal(page)
	if err != nil {
		panic(err) // the suite's own rows are JSON
	}
	return Answer{Body: body}
}

// toyExchange is a toy with some defects, and what its author says about it.
func toyExchange(d defects) Exchange {
	x := Exchange{
		New:         func(hosts *exchange.Hosts) (exchange.Adapter, error) { return &toy{hosts: hosts, defects: d}, nil },
		Credentials: exchange.NewCredentials(toyKey, []byte(toySecret)),
		Wire:        toyWire{},
		Hidden:      func(r *http.Request) []string { return []string{r.Header.Get("X-Sign")} },
		Accept: func(r *http.Request) error {
			if public := r.URL.Query().Get("reading") == string(Prices); !public && r.Header.Get("X-Sign") == "" {
				return errors.New("it is not signed")
			}
			return nil
		},
		Never:    []exchange.Class{exchange.Maintenance, exchange.Decode},
		patience: time.Second,
	}
	for _, reading := range []Reading{Balances, Fills, Prices} {
		x.Rows = append(x.Rows, Rows{Reading: reading, Sample: toySample(reading), Spoil: toyWithout("value"), Strip: toyWithout("id"), Single: reading == Prices})
	}
	for _, class := range classes() {
		if class == exchange.Maintenance || class == exchange.Decode {
			continue
		}
		refusal := Refusal{Name: string(class), Class: class}
		if class == exchange.RateLimited || class == exchange.Banned {
			refusal.Wait = time.Minute
		}
		refusal.Answer = func(now time.Time, said string) Answer {
			page := toyPage{OK: new(bool), Class: class, Said: "refused: " + said}
			if refusal.Wait > 0 {
				page.Until = now.Add(refusal.Wait).UnixMilli()
			}
			return answerToy(page)
		}
		x.Refusals = append(x.Refusals, refusal)
	}
	return x
}

func toySample(reading Reading) func(Wish) Sample {
	return func(w Wish) Sample {
		id, value := fmt.Sprintf("row-%d-%d", w.N, w.At.UnixMilli()), strconv.Quote(w.Number)
		row := toyRow{ID: id, At: w.At.UnixMilli(), Value: json.RawMessage(value)}
		payload, err := json.Marshal(row)
		if err != nil {
			panic(err) // the suite's own numbers can be quoted
		}
		return Sample{Payload: payload, Row: map[Reading]exchange.Keyed{
			Balances: toBalance(w.Scope, row, exchange.Number(w.Number)),
			Fills:    toFill(w.Scope, row, exchange.Number(w.Number)),
			Prices:   toPrice(w.Scope, row, exchange.Number(w.Number)),
		}[reading]}
	}
}

// toyWithout puts a list where a field was.
func toyWithout(field string) func([]byte) []byte {
	return func(payload []byte) []byte {
		var row map[string]any
		if err := json.Unmarshal(payload, &row); err != nil {
			panic(err) // the payload is toySample's
		}
		row[field] = []int{1}
		spoiled, _ := json.Marshal(row)
		return spoiled
	}
}

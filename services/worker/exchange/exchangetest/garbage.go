package exchangetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// garbage is an answer that is none.
type garbage struct {
	name  string
	class exchange.Class
	send  func(w http.ResponseWriter, whole Answer)
}

const connectionCut = "a connection that is cut"

// tried: net/http asks again by itself when a connection that it kept turns out
// to be closed, and no policy sees that.
func (g garbage) tried(s *scene) error {
	if g.name == connectionCut {
		return nil
	}
	return s.tried(g.class)
}

func garbages() []garbage {
	body := func(text string) func(http.ResponseWriter, Answer) {
		return func(w http.ResponseWriter, _ Answer) { write(w, Answer{Body: []byte(text)}) }
	}
	return []garbage{
		{"nothing", exchange.Transient, body("")},
		{"a web page", exchange.Transient, body("<html><body>be back soon</body></html>")},
		{"half of the JSON", exchange.Transient, func(w http.ResponseWriter, whole Answer) {
			write(w, Answer{Body: whole.Body[:len(whole.Body)/2]})
		}},
		{"less than was announced", exchange.Transient, func(w http.ResponseWriter, whole Answer) {
			w.Header().Set("Content-Length", strconv.Itoa(len(whole.Body)))
			write(w, Answer{Body: whole.Body[:len(whole.Body)/2]})
		}},
		{connectionCut, exchange.Transient, func(http.ResponseWriter, Answer) { panic(http.ErrAbortHandler) }},
		{"a gateway's error", exchange.Transient, func(w http.ResponseWriter, _ Answer) { write(w, Answer{Status: http.StatusBadGateway}) }},
		{"an object that nobody knows", exchange.Decode, body(`{"unheard":"of"}`)},
		{"a list that nobody knows", exchange.Decode, body(`[7]`)},
		{"a text", exchange.Decode, body(`"text"`)},
	}
}

func garbled(ctx context.Context, b bench) error {
	var faults []error
	for _, g := range garbages() {
		send := func(s *stage) {
			s.intercept = func(w http.ResponseWriter, _ *http.Request, q Question, n int) bool {
				g.send(w, s.exchange.Wire.Page(s.page(q, n)))
				return true
			}
		}
		err := b.reads(ctx, nil, send, func(s *scene, got result) error {
			return errors.Join(got.ended(g.class), got.holds(nil), g.tried(s), s.discreet(got))
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", g.name, err))
		}
	}
	return errors.Join(faults...)
}

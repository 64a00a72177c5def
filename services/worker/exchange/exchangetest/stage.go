package exchangetest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// mostQuestions is how many questions one stage answers: an adapter that asks for
// more walks in a circle.
const mostQuestions = 200

// placed is a row at its time.
type placed struct {
	at time.Time
	Sample
}

// intercept answers the n-th question, counted from 1, in place of the stage;
// false leaves it to the stage.
type intercept func(w http.ResponseWriter, r *http.Request, q Question, n int) bool

// stage is the exchange as the suite plays it: an HTTP server that holds the
// rows of one reader.
type stage struct {
	*httptest.Server
	exchange Exchange
	reader   reader
	rows     []placed
	// sizes of the pages, over and over; none: everything is on one.
	sizes []int
	// repeat is how many rows of the page before come again.
	repeat int
	// next gives the page after a page; nil: the one after it, -1 after the last.
	next      func(page int, last bool) int
	intercept intercept
	refusal   Refusal // in force, for what asks for no rows

	mu        sync.Mutex
	first     time.Time
	asked     []Question
	unwelcome []error
	hidden    []string
}

func (s *stage) open() { s.Server = httptest.NewServer(http.HandlerFunc(s.serve)) }

func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	q := s.exchange.Wire.Asked(r)
	n := s.note(r, q)
	switch {
	case n > mostQuestions:
		w.WriteHeader(http.StatusTeapot)
	case q.Reading == "":
		write(w, s.besides(r))
	case s.intercept != nil && s.intercept(w, r, q, n):
	default:
		write(w, s.exchange.Wire.Page(s.page(q, n)))
	}
}

// besides answers what asks for no rows.
func (s *stage) besides(r *http.Request) Answer {
	if s.refusal.Other != nil {
		if answer := s.refusal.Other(r, time.Now()); len(answer.Body) > 0 {
			return answer
		}
	}
	return s.exchange.Other(r, time.Now())
}

// refuse makes the stage answer every question with a refusal that quotes what
// it was sent, except those that spare lets through; nil: none.
func (s *stage) refuse(refusal Refusal, spare func(q Question, n int) bool) {
	s.refusal = refusal
	s.intercept = func(w http.ResponseWriter, r *http.Request, q Question, n int) bool {
		if spare != nil && spare(q, n) {
			return false
		}
		write(w, refusal.Answer(time.Now(), strings.Join(s.quotable(r), " ")))
		return true
	}
}

// note remembers a request and gives its number among those for rows.
func (s *stage) note(r *http.Request, q Question) int {
	var unwelcome error
	if s.exchange.Accept != nil {
		unwelcome = s.exchange.Accept(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.exchange.Hidden != nil {
		s.hidden = append(s.hidden, s.exchange.Hidden(r)...)
	}
	if unwelcome != nil {
		s.unwelcome = append(s.unwelcome, unwelcome)
	}
	if q.Reading != "" {
		s.asked = append(s.asked, q)
	}
	return len(s.asked)
}

// questions are those that were asked so far.
func (s *stage) questions() []Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// secrets are all that nothing may show.
func (s *stage) secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(s.credentials(), s.hidden...)
}

// credentials of the account. A market has none, and so could not tell them from
// other text.
func (s *stage) credentials() []string {
	if s.reader.public {
		return nil
	}
	return []string{s.exchange.Credentials.Key(), string(s.exchange.Credentials.Secret())}
}

// quotable is what the exchange could quote of one request, and more.
func (s *stage) quotable(r *http.Request) []string {
	if s.exchange.Hidden == nil {
		return s.credentials()
	}
	return append(s.credentials(), s.exchange.Hidden(r)...)
}

// welcome reports requests that the exchange would have refused.
func (s *stage) welcome() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unwelcome) > 0 {
		return fmt.Errorf("the exchange would not accept a request: %w", s.unwelcome[0])
	}
	return nil
}

func write(w http.ResponseWriter, a Answer) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = w.Write(a.Body) // a client that left is what some checks are about
}

package bybit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// maxBody bounds an answer after decompression. The largest known, the tickers
// of a category, is below 2 MiB.
const maxBody = 16 << 20

// session sends requests to one host, signed if it has credentials.
type session struct {
	base        string
	environment string
	uid         string
	venue       string
	host        *exchange.Host
	http        *http.Client
	recvWindow  time.Duration
	credentials exchange.Credentials
	sign        signer                // nil for a market
	addresses   func() *regexp.Regexp // made when the first text is to be redacted
}

func newSession(target exchange.Target, hosts *exchange.Hosts, settings Settings) (*session, error) {
	if hosts == nil {
		return nil, errors.New("bybit: no hosts given")
	}
	base, err := baseURL(target.Environment, target.BaseURL)
	if err != nil {
		return nil, err
	}
	host, err := hosts.Get(strings.ToLower(base.Host))
	if err != nil {
		return nil, err
	}
	return &session{
		base:        base.String(),
		environment: target.Environment,
		uid:         target.UID,
		venue:       venueOf(strings.ToLower(base.Host)),
		host:        host,
		http:        settings.HTTP,
		recvWindow:  settings.RecvWindow,
		addresses:   sync.OnceValue(addressFields),
	}, nil
}

// get calls an endpoint through the policies of its host. The query is encoded
// here and nowhere else.
func (s *session) get(ctx context.Context, ep endpoint, query url.Values) (reply, *exchange.Error) {
	s.host.Clock.Refresh(ctx, s.readClock)
	encoded := query.Encode()
	var answer reply
	var sent time.Time
	call := exchange.Call{
		Use:    s.use(ep),
		Resync: func(ctx context.Context) error { return s.host.Clock.Sync(ctx, sent, s.readClock) },
	}
	fault := s.host.Caller.Do(ctx, call, func(ctx context.Context) error {
		sent = time.Now()
		got, fault := s.send(ctx, ep, encoded)
		if fault != nil {
			return fault
		}
		answer = got
		return nil
	})
	if fault != nil {
		return reply{}, during(ep, s.orMaintenance(ctx, fault))
	}
	return answer, nil
}

// send makes one request. It is called when it may go out at once.
func (s *session) send(ctx context.Context, ep endpoint, query string) (reply, *exchange.Error) {
	request, err := s.request(ctx, ep, query)
	if err != nil {
		return reply{}, &exchange.Error{Class: exchange.BadRequest, Message: err.Error()}
	}
	exchange.DescribeRequest(ctx, request.Method, string(ep))
	sent := time.Now()
	response, err := s.http.Do(request)
	if err != nil {
		return reply{}, networkFault(err)
	}
	defer func() { _ = response.Body.Close() }()
	exchange.DescribeAnswer(ctx, response.StatusCode)
	s.learn(ep, response.Header, sent)
	body, err := readBody(response)
	if err != nil {
		return reply{}, networkFault(fmt.Errorf("the answer broke off after %d bytes: %w", len(body), err))
	}
	got, fault := s.judge(answer{
		endpoint:  ep,
		status:    response.StatusCode,
		header:    response.Header,
		body:      body,
		signature: request.Header.Get(signatureHeader),
	})
	if fault == nil && !ep.public() && !got.at.IsZero() {
		s.host.Clock.Observe(got.at, sent, time.Now())
	}
	return got, fault
}

// readBody reads as much of a body as is looked at. Most answers say how long they
// are, so that the room for them is made once.
func readBody(response *http.Response) ([]byte, error) {
	var body bytes.Buffer
	body.Grow(int(min(max(response.ContentLength, 0), maxBody)) + bytes.MinRead)
	_, err := body.ReadFrom(io.LimitReader(response.Body, maxBody+1))
	return body.Bytes(), err
}

func (s *session) request(ctx context.Context, ep endpoint, query string) (*http.Request, error) {
	// No body: the exchange answers 403 to a GET that has one, even an empty
	// JSON object.
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+string(ep), http.NoBody)
	if err != nil {
		return nil, errors.New("the base URL cannot be used in a request")
	}
	if !ep.public() {
		request.Header, err = s.signedHeaders(s.host.Clock.Now(), query)
		if err != nil {
			return nil, err
		}
	}
	request.URL.RawQuery = query
	request.Header.Set("User-Agent", "alphapulse")
	request.Header.Set("Accept", "application/json")
	return request, nil
}

// networkFault drops the URL that net/http puts before its errors: the address
// says nothing new, and the query does not belong in a log.
func networkFault(err error) *exchange.Error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &exchange.Error{Class: exchange.Transient, Message: "no complete answer", Cause: err}
}

// during says what was being read when the fault came.
func during(ep endpoint, fault *exchange.Error) *exchange.Error {
	named := *fault
	named.Message = ep.reading()
	if fault.Message != "" {
		named.Message += ": " + fault.Message
	}
	return &named
}

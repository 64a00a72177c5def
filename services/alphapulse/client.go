package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/proto/alphapulse/control/v1/controlv1connect"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	apiSetting = "ALPHAPULSE_API"
	defaultAPI = "http://" + api.DefaultListen

	dialPatience = 5 * time.Second
	callPatience = 30 * time.Second // of every call but a watch
	maxAnswer    = 32 << 20         // bytes of one message
)

// remote is what the commands that talk to the API have in common.
type remote struct {
	program      *program
	address      string
	insecureHTTP bool
	asJSON       bool
}

// remote declares the flags of a command that talks to the API.
func (p *program) remote(cmd *cobra.Command) *remote {
	r := &remote{program: p}
	flags := cmd.Flags()
	flags.StringVar(&r.address, "api", "", "address of the API ["+apiSetting+"] (default "+defaultAPI+")")
	flags.BoolVar(&r.asJSON, "json", false, "answer in JSON, as described above")
	return r
}

// client is the API as the commands use it.
type client struct {
	controlv1connect.AccountServiceClient
	controlv1connect.RunServiceClient
	controlv1connect.StatusServiceClient
	controlv1connect.HistoryServiceClient
	controlv1connect.QuarantineServiceClient
	controlv1connect.CandleServiceClient
	controlv1connect.QueueServiceClient
	controlv1connect.DataServiceClient
	controlv1connect.NoticeServiceClient
	controlv1connect.DeadServiceClient
	controlv1connect.ReplayServiceClient
	controlv1connect.ControlServiceClient
	controlv1connect.TokenServiceClient
	controlv1connect.AuditServiceClient

	base         *url.URL
	http         *http.Client
	insecureHTTP bool
}

// connect reads where the API is and who we are. It does not call it.
func (r *remote) connect() (*client, error) {
	env := daemon.NewEnv(r.program.environ)
	address := env.Get(apiSetting, defaultAPI)
	if r.address != "" {
		address = r.address
	}
	token := vault.NewSecret(env.GetSecret(api.TokenSetting))
	base, err := parseAPI(address)
	env.Check(err)
	if err := env.Err(); err != nil {
		return nil, &exitError{code: exitUsage, message: err.Error()}
	}
	return newClient(base, token, r.insecureHTTP), nil
}

func newClient(base *url.URL, token vault.Secret, insecureHTTP bool) *client {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialPatience}).DialContext,
		TLSHandshakeTimeout: dialPatience,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		MaxIdleConns:        4,
		IdleConnTimeout:     time.Minute,
	}
	hc := &http.Client{
		Transport: bearer{token: token, next: transport},
		// A redirect would carry a key to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	options := connect.WithClientOptions(
		connect.WithReadMaxBytes(maxAnswer),
		connect.WithInterceptors(explaining(base)),
	)
	address := strings.TrimRight(base.String(), "/")
	return &client{
		AccountServiceClient:    controlv1connect.NewAccountServiceClient(hc, address, options),
		RunServiceClient:        controlv1connect.NewRunServiceClient(hc, address, options),
		StatusServiceClient:     controlv1connect.NewStatusServiceClient(hc, address, options),
		HistoryServiceClient:    controlv1connect.NewHistoryServiceClient(hc, address, options),
		QuarantineServiceClient: controlv1connect.NewQuarantineServiceClient(hc, address, options),
		CandleServiceClient:     controlv1connect.NewCandleServiceClient(hc, address, options),
		QueueServiceClient:      controlv1connect.NewQueueServiceClient(hc, address, options),
		DataServiceClient:       controlv1connect.NewDataServiceClient(hc, address, options),
		NoticeServiceClient:     controlv1connect.NewNoticeServiceClient(hc, address, options),
		DeadServiceClient:       controlv1connect.NewDeadServiceClient(hc, address, options),
		ReplayServiceClient:     controlv1connect.NewReplayServiceClient(hc, address, options),
		ControlServiceClient:    controlv1connect.NewControlServiceClient(hc, address, options),
		TokenServiceClient:      controlv1connect.NewTokenServiceClient(hc, address, options),
		AuditServiceClient:      controlv1connect.NewAuditServiceClient(hc, address, options),
		base:                    base, http: hc, insecureHTTP: insecureHTTP,
	}
}

// with calls the API until it is done or a person interrupts it.
func (r *remote) with(ctx context.Context, do func(context.Context, *client) error) error {
	c, err := r.connect()
	if err != nil {
		return err
	}
	ctx, end := interruptible(ctx, 0)
	defer end()
	return do(ctx, c)
}

// exchangeOf is the exchange that an account is on.
func (c *client) exchangeOf(ctx context.Context, name string) (string, error) {
	found, err := c.GetAccount(ctx, &controlv1.GetAccountRequest{Name: name})
	return found.GetAccount().GetExchange(), err
}

func parseAPI(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New(apiSetting + " (or --api) must be an address such as " + defaultAPI)
	case u.User != nil:
		return nil, errors.New(apiSetting + " (or --api) must not hold a user name or password: the token goes into " +
			api.TokenSetting)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New(apiSetting + " (or --api) must end with the host or a path")
	}
	return u, nil
}

// mayCarryKeys refuses to send a key where others on the way could read it.
func (c *client) mayCarryKeys() error {
	if c.base.Scheme == "https" || c.insecureHTTP || loopback(c.base.Hostname()) {
		return nil
	}
	return usageError("the API at %s is not encrypted, so the key was not sent: use https, or an SSH tunnel to its "+
		"machine, or --insecure-http in a network that you trust", c.base)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// bearer adds the token to requests.
type bearer struct {
	token vault.Secret
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	if !b.token.IsEmpty() {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+b.token.Reveal())
	}
	return b.next.RoundTrip(req)
}

// explaining bounds unary calls and turns every error into an apiError.
func explaining(base *url.URL) connect.Interceptor { return explainer{base} }

type explainer struct{ base *url.URL }

// WrapUnary implements connect.Interceptor.
func (e explainer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		bounded, cancel := context.WithTimeout(ctx, callPatience)
		defer cancel()
		res, err := next(bounded, req)
		if err != nil {
			return nil, explainCall(ctx, err, e.base)
		}
		return res, nil
	}
}

// WrapStreamingClient implements connect.Interceptor. The errors of streams are
// explained by who reads them.
func (e explainer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor; this side has none.
func (e explainer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

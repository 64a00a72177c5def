package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"connectrpc.com/connect"
	"github.com/sirupsen/logrus"
)

// calls bounds, explains and logs every call. A request is never logged, since
// it may hold a key.
func (a *API) calls() connect.Interceptor { return interceptor{a} }

type interceptor struct{ api *API }

// WrapUnary implements connect.Interceptor.
func (i interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		started := time.Now()
		ctx, cancel := context.WithTimeout(ctx, i.api.cfg.CallTimeout)
		defer cancel()
		res, err := next(ctx, req)
		answer := explain(err)
		i.api.logCall(ctx, req.Spec().Procedure, started, err, answer)
		if answer != nil {
			return nil, answer
		}
		return res, nil
	}
}

// WrapStreamingClient implements connect.Interceptor; this side has no client.
func (i interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (i interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		started := time.Now()
		err := next(ctx, conn)
		answer := explain(err)
		i.api.logCall(ctx, conn.Spec().Procedure, started, err, answer)
		return answer
	}
}

func (a *API) logCall(ctx context.Context, procedure string, started time.Time, err, answer error) {
	a.metrics.call(procedure, started, answer)
	entry := a.log.WithFields(logrus.Fields{
		"procedure": procedure, "actor": callerOf(ctx).actor, "duration_ms": time.Since(started).Milliseconds(),
	})
	var told *connect.Error
	switch {
	case err == nil:
		entry.Debug("api: call answered")
	case errors.As(answer, &told) && told.Code() == connect.CodeInternal:
		entry.WithError(err).Error("api: call failed")
	case errors.As(answer, &told) && told.Code() == connect.CodeUnavailable:
		entry.WithError(err).Warn("api: call could not be served")
	default:
		entry.WithError(err).Debug("api: call refused")
	}
}

// recovered turns a panic into an error of the call, with its stack in the log.
func (a *API) recovered(_ context.Context, spec connect.Spec, _ http.Header, value any) error {
	a.log.WithFields(logrus.Fields{"procedure": spec.Procedure, "stack": string(debug.Stack())}).
		Errorf("api: panic: %v", value)
	return explain(fmt.Errorf("panic in %s", spec.Procedure))
}

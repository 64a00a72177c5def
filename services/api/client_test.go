package api_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/proto/alphapulse/control/v1/controlv1connect"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	knownKey    = "KNOWNKEY0123456789"
	knownSecret = "KNOWNSECRETabcdefghijklmnopqrstuvwxyz"
)

type client struct {
	controlv1connect.AccountServiceClient
	controlv1connect.RunServiceClient
	controlv1connect.StatusServiceClient
	controlv1connect.HistoryServiceClient
	controlv1connect.QuarantineServiceClient
	controlv1connect.CandleServiceClient
	controlv1connect.QueueServiceClient
	controlv1connect.DataServiceClient
	controlv1connect.DeadServiceClient
	controlv1connect.ReplayServiceClient
	controlv1connect.ControlServiceClient
	controlv1connect.TokenServiceClient
	controlv1connect.AuditServiceClient
}

func newClient(url string, options ...connect.ClientOption) client {
	return client{
		controlv1connect.NewAccountServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewRunServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewStatusServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewHistoryServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewQuarantineServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewCandleServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewQueueServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewDataServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewDeadServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewReplayServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewControlServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewTokenServiceClient(http.DefaultClient, url, options...),
		controlv1connect.NewAuditServiceClient(http.DefaultClient, url, options...),
	}
}

func addRequest(name string) *controlv1.AddAccountRequest {
	return &controlv1.AddAccountRequest{
		Name: name, Exchange: "bybit", Environment: "testnet", ApiKey: knownKey, ApiSecret: knownSecret,
	}
}

// requireProblem checks the code and the detail of an error of the API.
func requireProblem(t *testing.T, err error, code connect.Code, reason string) *controlv1.Problem {
	t.Helper()
	var told *connect.Error
	require.ErrorAs(t, err, &told)
	require.Equal(t, code, told.Code(), told.Message())
	require.Len(t, told.Details(), 1)
	value, err := told.Details()[0].Value()
	require.NoError(t, err)
	p, ok := value.(*controlv1.Problem)
	require.True(t, ok)
	require.Equal(t, reason, p.GetReason())
	require.NotEmpty(t, p.GetClass())
	return p
}

// watch collects the snapshots of a run until it is over.
func watch(t *testing.T, c client, id string) []*controlv1.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream, err := c.WatchRun(ctx, &controlv1.WatchRunRequest{Id: id})
	require.NoError(t, err)
	defer stream.Close()
	var seen []*controlv1.Run
	for stream.Receive() {
		seen = append(seen, stream.Msg().GetRun())
	}
	require.NoError(t, stream.Err())
	require.NotEmpty(t, seen)
	return seen
}

func last[T any](list []T) T { return list[len(list)-1] }

func message(err error) string {
	var told *connect.Error
	if errors.As(err, &told) {
		return told.Message()
	}
	return err.Error()
}

func ledgerManual() ledger.RunFilter { return ledger.RunFilter{Trigger: syncjob.Manual} }

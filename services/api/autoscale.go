package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/access"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// autoscalePath answers how much work there is, for whatever starts and stops
// workers.
const autoscalePath = "/autoscale"

// assumedWork is how long a job takes until one was measured.
const assumedWork = time.Second

// workload is the answer of autoscalePath. Work is in seconds of one slot and
// not in messages: ten windows of a history are more than a hundred balances.
type workload struct {
	// WorkSeconds is how long one slot would be busy with the open jobs.
	WorkSeconds float64 `json:"work_seconds"`
	// Jobs are the open jobs whose time has come; snoozed, held and stale ones are
	// no work.
	Jobs uint64 `json:"jobs"`
	// OldestAgeSeconds is the age of the oldest job that is not over.
	OldestAgeSeconds float64 `json:"oldest_age_seconds"`
	// Measured: of every queue with jobs it is known how long one takes; else a
	// second is assumed where it is not.
	Measured bool `json:"measured"`
}

// autoscale sums up the queues that the query's exchange, environment, type (may
// be repeated) and lane select; without them all.
func (a *API) autoscale(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), a.cfg.CallTimeout)
	defer cancel()
	if !access.Allows(callerOf(ctx).scopes, access.Read) {
		http.Error(w, "the token has not the scope read", http.StatusForbidden)
		return
	}
	req, err := autoscaleRequest(r.URL.Query())
	var load workload
	if err == nil {
		load, err = a.workload(ctx, req)
	}
	if err != nil {
		http.Error(w, explain(err).Error(), httpStatus(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(load) // the client has gone
}

func httpStatus(err error) int {
	switch connect.CodeOf(explain(err)) {
	case connect.CodeInvalidArgument:
		return http.StatusBadRequest
	case connect.CodeInternal:
		return http.StatusInternalServerError
	default:
		return http.StatusServiceUnavailable
	}
}

func autoscaleRequest(query url.Values) (*controlv1.GetLagRequest, error) {
	for name := range query {
		if err := checkWord("parameter", name, []string{"exchange", "environment", "type", "lane"}); err != nil {
			return nil, err
		}
	}
	req := &controlv1.GetLagRequest{
		Exchange: query.Get("exchange"), Environment: query.Get("environment"), DataTypes: query["type"], Lane: query.Get("lane"),
	}
	return req, checkLag(req)
}

// workload needs the tables alone. While the broker does not answer, how long a
// job takes is what it was.
func (a *API) workload(ctx context.Context, req *controlv1.GetLagRequest) (workload, error) {
	backlogs, err := list(a, func(reads *ledger.Ledger, _ *postgres.DB) ([]ledger.Backlog, error) {
		return reads.Backlogs(ctx)
	})
	if err != nil {
		return workload{}, err
	}
	load := workload{Measured: true}
	for _, lane := range lanes(req, nil, backlogs) {
		work, known := a.recorder.Work(consumerOf(lane))
		if !known {
			work = assumedWork
		}
		load.Measured = load.Measured && (known || lane.GetOpen() == 0)
		load.Jobs += lane.GetOpen()
		load.WorkSeconds += float64(lane.GetOpen()) * work.Seconds()
		load.OldestAgeSeconds = max(load.OldestAgeSeconds, lane.GetOldestAge().AsDuration().Seconds())
	}
	return load, nil
}

func consumerOf(lane *controlv1.Lane) queue.Consumer {
	return queue.Consumer{
		Exchange: lane.GetExchange(), Environment: lane.GetEnvironment(),
		DataType: syncjob.DataType(lane.GetDataType()), Lane: syncjob.Lane(lane.GetLane()),
	}
}

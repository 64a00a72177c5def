package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/services/worker"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// lagJobs is how many jobs wait: ALPHAPULSE_TEST_LAG_JOBS, by default as many as
// are drained in half a minute or so.
func lagJobs(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("ALPHAPULSE_TEST_LAG_JOBS"), "800"))
	require.NoError(t, err)
	return n
}

// With the workers stopped, what `lag` says is what the broker says by each of
// its ways, and what a scaler reads from it; with workers, it says how long they
// will take.
func TestLagIsWhatTheBrokerSays(t *testing.T) { //nolint:paralleltest // it measures a rate
	f := fleettest.New(t, exchangesim.Config{Seed: 5})
	f.Scheduler()
	f.Aggregator()
	first := f.Worker()
	account := f.Active(0)
	f.Idle()
	first.Stop()
	jobs := lagJobs(t)
	accounts := f.Clones(account, jobs/2)
	began := queueManualRuns(f, accounts)
	address := f.API()

	var now lagAnswer
	f.Eventually("every job is pending", func() bool {
		now = lag(t, address)
		return now.backlog() == jobs && now.open() == jobs
	})
	for _, kind := range []syncjob.DataType{syncjob.Balances, syncjob.Positions} {
		lane := laneOf(t, now, kind)
		name := "bybit-testnet-" + string(kind) + "-live"
		info := consumerInfo(t, f, name)
		require.EqualValues(t, jobs/2, info.NumPending)
		require.EqualValues(t, info.NumPending, lane.Pending)
		require.Equal(t, info.NumAckPending, lane.InFlight)
		require.Equal(t, info.NumRedelivered, lane.Redelivered)
		require.EqualValues(t, info.NumPending, kedaLag(t, f, name), "what KEDA's scaler reads")
		require.Zero(t, lane.Stale)
		require.Equal(t, jobs/2, lane.Open)
		require.InDelta(t, now.ReadAt.Sub(began).Seconds(), *lane.OldestAge, 1)
		require.Nil(t, lane.Drain, "nobody works")
	}
	before := scale(t, address)
	require.EqualValues(t, jobs, before.Jobs)

	// Nearly all that a job takes is the exchange's time and not this machine's, which
	// other tests share: nobody can say how long a queue takes if the next seconds are
	// half as fast as these.
	for endpoint, latency := range map[string]string{"/v5/account/wallet-balance": "2s", "/v5/position/list": "250ms"} {
		_, err := f.Sim.SetFault(exchangesim.Fault{Endpoint: endpoint, Kind: exchangesim.FaultLatency, Value: latency})
		require.NoError(t, err)
	}
	for range 4 {
		f.WorkerWith(worker.Config{Slots: 6})
	}
	drained, guesses := watchDrain(f, address)
	off := errorsOf(t, guesses, drained, jobs/2)
	require.NotEmpty(t, off, "it never said how long it would take")
	median := off[len(off)/2]
	t.Logf("%d jobs drained; %d estimates, their median off by %.0f %%", jobs, len(off), 100*median)
	require.Less(t, median, 0.25)
	f.Eventually("the lag is zero", func() bool {
		now := lag(t, address)
		drain := laneOf(t, now, syncjob.Balances).Drain
		return now.backlog() == 0 && now.open() == 0 && drain != nil && *drain == 0
	})
}

// queueManualRuns starts a manual run of two types for each account and gives
// the time at which the first one was queued.
func queueManualRuns(f *fleettest.Fleet, accounts []string) time.Time {
	f.T.Helper()
	began := time.Now()
	var starting sync.WaitGroup
	next := make(chan string)
	for range 8 {
		starting.Go(func() {
			for id := range next {
				_, _, err := f.Ledger.StartManual(f.T.Context(), id, []syncjob.DataType{syncjob.Balances, syncjob.Positions})
				if err != nil {
					f.T.Errorf("starting a run: %v", err)
				}
			}
		})
	}
	for _, id := range accounts {
		next <- id
	}
	close(next)
	starting.Wait()
	return began
}

// lagAnswer is what `alphapulse lag --json` prints, as far as it is needed here.
type lagAnswer struct {
	ReadAt time.Time `json:"read_at"`
	Lanes  []lagLane `json:"lanes"`
}

type lagLane struct {
	DataType    string   `json:"data_type"`
	Lane        string   `json:"lane"`
	Pending     int      `json:"pending"`
	InFlight    int      `json:"in_flight"`
	Redelivered int      `json:"redelivered"`
	Stale       int      `json:"stale"`
	Open        int      `json:"open"`
	OldestAge   *float64 `json:"oldest_age_seconds"`
	Drain       *float64 `json:"drain_seconds"`
}

// lag asks as a person would.
func lag(t testing.TB, address string) (answer lagAnswer) {
	t.Helper()
	command := exec.CommandContext(t.Context(), fleettest.Binary(t), "lag", "--api", address, "--lane", "live", "--freshness", "0", "--json")
	out, err := command.Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &answer))
	return answer
}

func (l lagAnswer) backlog() (n int) {
	for _, lane := range l.Lanes {
		n += lane.Pending + lane.InFlight
	}
	return n
}

func (l lagAnswer) open() (n int) {
	for _, lane := range l.Lanes {
		n += lane.Open
	}
	return n
}

func laneOf(t testing.TB, lag lagAnswer, kind syncjob.DataType) lagLane {
	t.Helper()
	for _, lane := range lag.Lanes {
		if lane.DataType == string(kind) {
			return lane
		}
	}
	require.FailNow(t, "no such lane", "%s in %v", kind, lag)
	return lagLane{}
}

func consumerInfo(t *testing.T, f *fleettest.Fleet, name string) *jetstream.ConsumerInfo {
	t.Helper()
	nc, err := nats.Connect(f.Broker.URL())
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	consumer, err := js.Consumer(t.Context(), "SYNC_JOBS", name)
	require.NoError(t, err)
	return consumer.CachedInfo()
}

// kedaLag reads a consumer's lag as KEDA's nats-jetstream scaler does: from the
// server's /jsz, as num_pending and num_ack_pending. A consumer that it does not
// find has the lag of the whole stream.
func kedaLag(t *testing.T, f *fleettest.Fleet, consumer string) int {
	t.Helper()
	var answer struct {
		Accounts []struct {
			Streams []struct {
				Name  string `json:"name"`
				State struct {
					LastSeq int `json:"last_seq"`
				} `json:"state"`
				Consumers []struct {
					Name       string `json:"name"`
					Pending    int    `json:"num_pending"`
					AckPending int    `json:"num_ack_pending"`
				} `json:"consumer_detail"`
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	getJSON(t, f.Broker.MonitorURL()+"/jsz?acc=$G&consumers=true&config=true", &answer)
	for _, account := range answer.Accounts {
		for _, stream := range account.Streams {
			if stream.Name != "SYNC_JOBS" {
				continue
			}
			for _, c := range stream.Consumers {
				if c.Name == consumer {
					return c.Pending + c.AckPending
				}
			}
			return stream.State.LastSeq
		}
	}
	require.FailNow(t, "no stream", "%+v", answer)
	return 0
}

// workload is what /autoscale answers.
type workload struct {
	WorkSeconds float64 `json:"work_seconds"`
	Jobs        uint64  `json:"jobs"`
	OldestAge   float64 `json:"oldest_age_seconds"`
	Measured    bool    `json:"measured"`
}

func getJSON(t *testing.T, url string, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode, url)
	require.NoError(t, json.NewDecoder(response.Body).Decode(into))
}

func scale(t *testing.T, address string) workload {
	t.Helper()
	var load workload
	getJSON(t, fmt.Sprintf("%s/autoscale?lane=live&type=balances&type=positions", address), &load)
	return load
}

// The queues that the scalers in deployments/keda are given exist by that name.
func TestTheScalersAskForQueuesOfOurs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../deployments/keda/workers-by-messages.yaml")
	require.NoError(t, err)
	field := func(name string) string {
		found := regexp.MustCompile(`(?m)^\s+` + name + `: "?([^"\n]+)"?$`).FindSubmatch(text)
		require.NotNil(t, found, name)
		return string(found[1])
	}
	require.Equal(t, queue.JobsStream, field("stream"))
	consumer, err := queue.ParseConsumer(field("consumer"))
	require.NoError(t, err)
	require.Contains(t, syncjob.Known(), consumer.DataType)

	text, err = os.ReadFile("../../../deployments/keda/workers-by-work.yaml")
	require.NoError(t, err)
	address, err := url.Parse(field("url"))
	require.NoError(t, err)
	f := fleettest.New(t, exchangesim.Config{})
	var load map[string]any
	getJSON(t, f.API()+address.RequestURI(), &load)
	require.Contains(t, load, field("valueLocation"))
}

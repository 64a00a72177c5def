package queue

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	syncv1 "github.com/alphapulse/alphapulse/proto/alphapulse/sync/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	fuzzJobID   = "00000001-0000-4000-8000-000000000001"
	fuzzRunID   = "00000002-0000-4000-8000-000000000001"
	fuzzAccount = "00000003-0000-4000-8000-000000000001"
	fuzzClaim   = "00000004-0000-4000-8000-000000000001"
	fuzzReply   = "$JS.ACK.SYNC_JOBS.bybit-testnet-balances-live.1.7.7.1700000000000000000.0"
)

func fuzzAt() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 789000000, time.UTC) }

func fuzzJob() JobMessage {
	return JobMessage{
		JobID: fuzzJobID, RunID: fuzzRunID, Publishes: 3, Subject: syncjob.Subject{Kind: syncjob.Account, ID: fuzzAccount},
		Exchange: "bybit", Environment: "testnet", DataType: syncjob.Balances, Lane: syncjob.Live, ExpiresAt: fuzzAt(),
	}
}

// odd are bodies that are no message, and some that nearly are.
func odd(good string) []string {
	return []string{
		good, "", "null", "{}", "[]", "\"x\"", "{", strings.ToUpper(good), good + good, good[:len(good)/2],
		strings.Replace(good, "{", `{"of_a_newer_version":{"a":[1,2]},`, 1), strings.ReplaceAll(good, "account_id", "market_id"),
		strings.ReplaceAll(good, "2026", "0001"), strings.ReplaceAll(good, "2026", "9999"), strings.ReplaceAll(good, "3", "-1"),
		strings.ReplaceAll(good, "bybit", "*"), strings.ReplaceAll(good, "bybit", "by.bit"), "\xff" + good,
	}
}

// checkRefusal is what every refusal keeps to: it is ErrInvalid, and what it
// repeats of a stranger's message is short.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, ErrInvalid)
	require.NotEmpty(t, err.Error())
}

// A job is what its sender published or it is refused: nothing between.
func FuzzJob(f *testing.F) {
	body, err := encodeJob(fuzzJob())
	require.NoError(f, err)
	subject, err := JobSubject(fuzzJob().Consumer(), fuzzJob().Subject)
	require.NoError(f, err)
	for _, text := range odd(string(body)) {
		f.Add([]byte(text), subject, fuzzReply)
	}
	f.Add(body, "sync.job.live.bybit.testnet.positions."+fuzzAccount, fuzzReply)
	f.Add(body, subject, "")
	f.Add(body, subject, "$JS.ACK.SYNC_JOBS.x.-1.x.x.x.x")
	f.Fuzz(func(t *testing.T, body []byte, subject, reply string) {
		got, err := readDelivery(&nats.Msg{Subject: subject, Reply: reply, Data: body, Sub: &nats.Subscription{}})
		if err != nil {
			checkRefusal(t, err)
			return
		}
		require.NoError(t, got.Job.Validate())
		stated, err := JobSubject(got.Job.Consumer(), got.Job.Subject)
		require.NoError(t, err)
		require.Equal(t, subject, stated, "it speaks of the subject it was published to")
		again, err := encodeJob(got.Job)
		require.NoError(t, err)
		decoded, err := decodeJob(again)
		require.NoError(t, err)
		require.Equal(t, got.Job, decoded)
		parsed, err := ParseConsumer(got.Job.Consumer().Name())
		require.NoError(t, err)
		require.Equal(t, got.Job.Consumer(), parsed)
	})
}

func FuzzResult(f *testing.F) {
	result := ResultMessage{
		JobID: fuzzJobID, RunID: fuzzRunID, Claim: fuzzClaim, Status: syncjob.Succeeded, Exchange: "bybit",
		DataType: syncjob.Balances, Subject: syncjob.Subject{Kind: syncjob.Account, ID: fuzzAccount}, RowsChanged: 3,
		ErrorClass: syncjob.Transient, FinishedAt: fuzzAt(),
	}
	body, err := encodeResult(result)
	require.NoError(f, err)
	subject, err := ResultSubject(result.Exchange, result.DataType, result.Subject)
	require.NoError(f, err)
	for _, text := range odd(string(body)) {
		f.Add([]byte(text), subject)
	}
	f.Fuzz(func(t *testing.T, body []byte, subject string) {
		got, err := readResult(&nats.Msg{Subject: subject, Data: body})
		if err != nil {
			checkRefusal(t, err)
			return
		}
		require.NoError(t, got.Validate())
		stated, err := ResultSubject(got.Exchange, got.DataType, got.Subject)
		require.NoError(t, err)
		require.Equal(t, subject, stated)
		again, err := encodeResult(got)
		require.NoError(t, err)
		decoded, err := decodeResult(again)
		require.NoError(t, err)
		require.Equal(t, got, decoded)
		require.NotEqual(t, got.JobID+":", got.MessageID())
	})
}

// Events are written here and read by others: every word of theirs can be read
// again, whatever a run or a job brought along.
func FuzzEvents(f *testing.F) {
	f.Add("bybit", "balances", "dead", "transient", "10006", "the exchange said no", 3, int64(4), int64(1770091506))
	f.Add("", "", "", "", "", "\x00\xff", -1, int64(-1), int64(-62135596800))
	f.Add("by.bit", "*", ">", " ", "\u2028", "\U0010ffff", 1<<40, int64(1)<<62, int64(253402300800))
	f.Fuzz(func(t *testing.T, exchange, dataType, status, class, code, reason string, n int, rows, seconds int64) {
		subject := syncjob.Subject{Kind: syncjob.Account, ID: fuzzAccount}
		at := time.Unix(seconds, 0).UTC()
		dead := DeadJob{
			JobID: fuzzJobID, RunID: fuzzRunID, Exchange: exchange, Environment: "testnet", DataType: syncjob.DataType(dataType),
			Lane: syncjob.Live, Subject: subject, Attempts: n, ErrorClass: syncjob.Class(class), ErrorCode: code,
			Reason: reason, DiedAt: at,
		}
		if body, err := encodeDead(dead); err == nil {
			var read syncv1.DeadJob
			require.NoError(t, protojson.Unmarshal(body, &read))
			require.Equal(t, []string{exchange, dataType, class, code, reason},
				[]string{read.GetExchange(), read.GetDataType(), read.GetErrorClass(), read.GetErrorCode(), read.GetReason()})
		} else {
			require.False(t, utf8.ValidString(exchange+dataType+class+code+reason) && representable(at), "%v", err)
		}
		if body, err := encodeRun(RunEvent{
			RunID: fuzzRunID, Subject: subject, Status: syncjob.RunStatus(status), RowsChanged: rows, FinishedAt: at,
		}); err == nil {
			var read syncv1.RunEvent
			require.NoError(t, protojson.Unmarshal(body, &read))
			require.Equal(t, status, read.GetStatus())
			require.Equal(t, rows, read.GetRowsChanged())
		}
		for _, name := range subjects(exchange, syncjob.DataType(dataType), syncjob.RunStatus(status), subject) {
			require.NotContains(t, name, "*")
			require.NotContains(t, name, ">")
			require.NotContains(t, name, " ")
			require.NotContains(t, name, "..")
		}
	})
}

// representable is what a timestamp of protobuf can be.
func representable(at time.Time) bool { return at.Year() >= 1 && at.Year() <= 9999 }

// subjects are those that the names are good for.
func subjects(exchange string, dataType syncjob.DataType, status syncjob.RunStatus, subject syncjob.Subject) []string {
	var names []string
	add := func(name string, err error) {
		if err == nil {
			names = append(names, name)
		}
	}
	add(DeadSubject(exchange, dataType, subject))
	add(RunSubject(status, subject))
	add(DataSubject(dataType, subject))
	return names
}

// What the broker says of a request in a message's headers ends it or does not,
// and never passes for a job.
func FuzzStatus(f *testing.F) {
	for _, status := range []string{"100", "404", "408", "409", "503", "", "x", "\xff"} {
		f.Add(status, "Consumer Deleted", []byte(nil))
		f.Add(status, strings.Repeat("\xff", 200), []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, status, description string, body []byte) {
		header := nats.Header{"Status": {status}, "Description": {description}}
		msg := &nats.Msg{Header: header, Data: body}
		if !isStatus(msg) {
			require.True(t, status == "" || len(body) > 0)
			return
		}
		over, err := readStatus(header.Get("Status"), header.Get("Description"))
		require.True(t, over || err == nil, "an error ends the request")
		require.Equal(t, status == "503", errors.Is(err, ErrConsumerMissing))
		if err != nil {
			require.Less(t, len(err.Error()), 200, "what a stranger says is clipped")
		}
	})
}

func FuzzConsumerName(f *testing.F) {
	for _, name := range []string{"bybit-testnet-balances-live", "a-b-c-d", "----", "a-b-c", "A-b-c-d", "a.b-c-d-e", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		c, err := ParseConsumer(name)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		require.Equal(t, name, c.Name())
		require.NotContains(t, strings.TrimSuffix(c.Filter(), ">"), ">")
		require.NotContains(t, c.Filter(), "*")
	})
}

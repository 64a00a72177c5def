package queue

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncv1 "github.com/alphapulse/alphapulse/proto/alphapulse/sync/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// maxBody bounds what is parsed of a message; ours are below 1 KiB.
const maxBody = 64 << 10

// encode writes a message as JSON with the field names of the .proto files.
func encode(m proto.Message) ([]byte, error) {
	return protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
}

// decode reads JSON and discards fields it does not know: a newer process may
// have written it.
func decode(body []byte, into proto.Message) error {
	if len(body) > maxBody {
		return fmt.Errorf("%w: a message of %d bytes", ErrInvalid, len(body))
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(body, into); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

func encodeJob(m JobMessage) ([]byte, error) {
	return encode(&syncv1.Job{
		JobId: m.JobID, RunId: m.RunID, Publishes: uint32(m.Publishes), Subject: wireSubject(m.Subject),
		Exchange: m.Exchange, Environment: m.Environment,
		DataType: string(m.DataType), Lane: string(m.Lane), ExpiresAt: wireTime(m.ExpiresAt),
	})
}

func decodeJob(body []byte) (JobMessage, error) {
	var job syncv1.Job
	if err := decode(body, &job); err != nil {
		return JobMessage{}, err
	}
	m := JobMessage{
		JobID: job.GetJobId(), RunID: job.GetRunId(), Publishes: int(job.GetPublishes()), Subject: subjectOf(job.GetSubject()),
		Exchange: job.GetExchange(), Environment: job.GetEnvironment(),
		DataType: syncjob.DataType(job.GetDataType()), Lane: syncjob.Lane(job.GetLane()), ExpiresAt: timeOf(job.GetExpiresAt()),
	}
	return m, m.Validate()
}

func encodeResult(m ResultMessage) ([]byte, error) {
	return encode(&syncv1.Result{
		JobId: m.JobID, RunId: m.RunID, Claim: m.Claim, Status: string(m.Status),
		Exchange: m.Exchange, DataType: string(m.DataType), Subject: wireSubject(m.Subject),
		RowsChanged: m.RowsChanged, ErrorClass: string(m.ErrorClass), FinishedAt: wireTime(m.FinishedAt),
	})
}

func decodeResult(body []byte) (ResultMessage, error) {
	var result syncv1.Result
	if err := decode(body, &result); err != nil {
		return ResultMessage{}, err
	}
	m := ResultMessage{
		JobID: result.GetJobId(), RunID: result.GetRunId(), Claim: result.GetClaim(), Status: syncjob.Status(result.GetStatus()),
		Exchange: result.GetExchange(), DataType: syncjob.DataType(result.GetDataType()), Subject: subjectOf(result.GetSubject()),
		RowsChanged: result.GetRowsChanged(), ErrorClass: syncjob.Class(result.GetErrorClass()), FinishedAt: timeOf(result.GetFinishedAt()),
	}
	return m, m.Validate()
}

func encodeRun(e RunEvent) ([]byte, error) {
	return encode(&syncv1.RunEvent{
		RunId: e.RunID, Subject: wireSubject(e.Subject), Status: string(e.Status), Trigger: string(e.Trigger),
		JobsTotal: int32(e.Total), JobsSucceeded: int32(e.Succeeded), JobsPartial: int32(e.Partial), JobsFailed: int32(e.Failed),
		JobsDead: int32(e.Dead), JobsSkipped: int32(e.Skipped), JobsCancelled: int32(e.Cancelled),
		RowsChanged: e.RowsChanged, StartedAt: wireTime(e.StartedAt), FinishedAt: wireTime(e.FinishedAt),
	})
}

func encodeData(e DataEvent) ([]byte, error) {
	return encode(&syncv1.DataEvent{
		JobId: e.JobID, RunId: e.RunID, DataType: string(e.DataType), Subject: wireSubject(e.Subject),
		AsOf: wireTime(e.AsOf), RowsChanged: e.RowsChanged, RowsDeleted: e.RowsDeleted,
	})
}

func encodeDead(d DeadJob) ([]byte, error) {
	return encode(&syncv1.DeadJob{
		JobId: d.JobID, RunId: d.RunID, Exchange: d.Exchange, Environment: d.Environment,
		DataType: string(d.DataType), Lane: string(d.Lane), Subject: wireSubject(d.Subject),
		Attempts: int32(d.Attempts), ErrorClass: string(d.ErrorClass), ErrorCode: d.ErrorCode, Reason: d.Reason,
		DiedAt: wireTime(d.DiedAt),
	})
}

func wireSubject(s syncjob.Subject) *syncv1.Subject {
	if s.Kind == syncjob.Market {
		return &syncv1.Subject{Id: &syncv1.Subject_MarketId{MarketId: s.ID}}
	}
	return &syncv1.Subject{Id: &syncv1.Subject_AccountId{AccountId: s.ID}}
}

// subjectOf gives the empty subject, which Validate refuses, for a missing one.
func subjectOf(s *syncv1.Subject) syncjob.Subject {
	switch id := s.GetId().(type) {
	case *syncv1.Subject_AccountId:
		return syncjob.Subject{Kind: syncjob.Account, ID: id.AccountId}
	case *syncv1.Subject_MarketId:
		return syncjob.Subject{Kind: syncjob.Market, ID: id.MarketId}
	default:
		return syncjob.Subject{}
	}
}

// wireTime leaves a zero time out.
func wireTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

package api

import (
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

func stamp(t *time.Time) *timestamppb.Timestamp {
	if t == nil || t.IsZero() {
		return nil
	}
	return timestamppb.New(*t)
}

// small brings a count into the range of its field; none comes near it.
func small(n int) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }

func accountMessage(a ledger.Account) *controlv1.Account {
	if a.ID == "" {
		return nil
	}
	m := &controlv1.Account{
		Id: a.ID, Name: a.Name, MarketId: a.MarketID, Exchange: a.Exchange, Environment: a.Environment,
		BaseUrl: a.BaseURL, Status: string(a.Status), Reason: a.Reason, KeyVersion: small(a.KeyVersion),
		AllowWriteKey: a.AllowWriteKey, ExchangeUid: a.ExchangeUID, AccountMode: a.AccountMode,
		KeyExpiresAt: stamp(a.KeyExpiresAt), CreatedAt: stamp(&a.CreatedAt), IsMaster: a.IsMaster, ParentUid: a.ParentUID,
		ExpectedUid: a.ExpectUID,
	}
	groups := make([]string, 0, len(a.KeyPermissions))
	for group := range a.KeyPermissions {
		groups = append(groups, group)
	}
	slices.Sort(groups)
	for _, group := range groups {
		m.KeyPermissions = append(m.KeyPermissions,
			&controlv1.KeyPermission{Group: group, Names: a.KeyPermissions[group]})
	}
	return m
}

// runMessage is a run without its jobs.
func runMessage(r ledger.Run) *controlv1.Run {
	return &controlv1.Run{
		Id: r.ID, Account: r.Account, SubjectKind: string(r.Subject.Kind), SubjectId: r.Subject.ID,
		RequestedTypes: r.Types, Trigger: string(r.Trigger), Status: string(r.Status), Follows: r.Follows,
		JobsTotal: small(r.Total), JobsSucceeded: small(r.Succeeded), JobsPartial: small(r.Partial),
		JobsFailed: small(r.Failed), JobsDead: small(r.Dead), JobsSkipped: small(r.Skipped),
		JobsCancelled: small(r.Cancelled), RowsChanged: r.Changed, CreatedAt: stamp(&r.CreatedAt),
		StartedAt: stamp(r.StartedAt), DeadlineAt: stamp(r.DeadlineAt), FinishedAt: stamp(r.FinishedAt),
	}
}

func totalsMessage(t ledger.Totals) *controlv1.TypeTotals {
	return &controlv1.TypeTotals{
		DataType: string(t.DataType), Jobs: small(t.Jobs), Queued: small(t.Queued), Running: small(t.Running),
		Waiting: small(t.Waiting), Succeeded: small(t.Succeeded), Partial: small(t.Partial), Failed: small(t.Failed),
		Dead: small(t.Dead), Skipped: small(t.Skipped), Cancelled: small(t.Cancelled), RowsFetched: t.RowsFetched,
		RowsChanged: t.RowsChanged, RowsDeleted: t.RowsDeleted, ExchangeRequests: t.Requests,
		FirstStartedAt: stamp(t.StartedAt), LastFinishedAt: stamp(t.FinishedAt), WindowFrom: stamp(t.WindowFrom),
		WindowTo: stamp(t.WindowTo), ErrorClass: t.ErrorClass, ErrorMessage: t.ErrorMessage, AsOf: stamp(t.AsOf),
	}
}

func jobMessage(j ledger.Job) *controlv1.Job {
	m := &controlv1.Job{
		Id: j.ID, DataType: string(j.DataType), Lane: string(j.Lane), Status: string(j.Status),
		WaitReason: j.WaitReason, CancelReason: j.CancelReason, Attempt: small(j.Attempt),
		MaxAttempts: small(j.MaxAttempts), Owner: j.Owner, ErrorClass: j.ErrorClass, ErrorCode: j.ErrorCode,
		ErrorMessage: j.ErrorMessage, RowsFetched: j.RowsFetched, RowsChanged: j.RowsChanged,
		RowsDeleted: j.RowsDeleted, ExchangeRequests: j.Requests, AsOf: stamp(j.AsOf), NextAt: stamp(j.NextAt),
		QueuedAt: stamp(&j.QueuedAt), StartedAt: stamp(j.StartedAt), FinishedAt: stamp(j.FinishedAt),
	}
	if j.Window != nil {
		m.WindowFrom, m.WindowTo = stamp(&j.Window.From), stamp(&j.Window.To)
	}
	return m
}

package api

import (
	"context"
	"slices"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// maxNamed bounds what a comparison lists.
const maxNamed = 1000

// CheckDead implements DeadService. The table is read before the stream: what was
// announced by then must be in it. What only the stream has is looked up again
// after: it may have died in between.
func (s dead) CheckDead(ctx context.Context, req *controlv1.CheckDeadRequest) (*controlv1.CheckDeadResponse, error) {
	table, err := s.ledger.Obituaries(ctx)
	if err != nil {
		return nil, err
	}
	inStream, since, err := s.deps.Past.DeadJobs(ctx)
	if err != nil {
		return nil, brokerAway(err)
	}
	out := &controlv1.CheckDeadResponse{InStream: int64(len(inStream))}
	told := map[string]bool{}
	for _, id := range inStream {
		told[id] = true
		if _, dead := table[id]; !dead {
			out.Unknown = append(out.Unknown, id)
		}
	}
	for id, o := range table {
		switch {
		case o.DiedAt.Before(since) && !told[id]: // out of the stream's reach
			continue
		case !told[id] && o.Announced:
			out.Missing = append(out.Missing, id)
		case !told[id]:
			out.Unannounced++
		}
		out.InTable++
	}
	if out.Unknown, err = s.stillUnknown(ctx, out.GetUnknown()); err != nil {
		return nil, err
	}
	if req.GetAnnounce() && len(out.GetMissing()) > 0 {
		n, err := s.ledger.AnnounceAgain(ctx, out.GetMissing())
		if err != nil {
			return nil, err
		}
		out.PutBack = int64(n)
		s.log.WithField("letters", n).WithField("by", s.requester(ctx)).Info("api: lost obituaries are announced again")
	}
	slices.Sort(out.GetMissing())
	out.Missing, out.Unknown = atMost(out.GetMissing()), atMost(out.GetUnknown())
	return out, nil
}

func (s dead) stillUnknown(ctx context.Context, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := s.ledger.DeadLetters(ctx, ledger.DeadFilter{JobIDs: ids, Limit: len(ids)})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ids, func(id string) bool {
		return slices.ContainsFunc(found, func(d ledger.DeadLetter) bool { return d.JobID == id })
	}), nil
}

func atMost(ids []string) []string { return ids[:min(len(ids), maxNamed)] }

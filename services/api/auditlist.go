package api

import (
	"context"
	"errors"
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/access"
)

// audits is AuditService.
type audits struct{ *API }

// ListAudit implements AuditService.
func (s audits) ListAudit(ctx context.Context, req *controlv1.ListAuditRequest) (*controlv1.ListAuditResponse, error) {
	filter, err := auditFilter(req)
	if err != nil {
		return nil, err
	}
	size := filter.Limit
	filter.Limit++
	found, err := s.audit.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	out := &controlv1.ListAuditResponse{}
	if len(found) > size {
		found = found[:size]
		out.NextPageToken = strconv.FormatInt(found[size-1].ID, 10)
	}
	for _, r := range found {
		out.Records = append(out.Records, auditMessage(r))
	}
	return out, nil
}

func auditFilter(req *controlv1.ListAuditRequest) (access.AuditFilter, error) {
	f := access.AuditFilter{Account: req.GetAccount(), Actor: req.GetActor(), Limit: int(req.GetPageSize())}
	if f.Account != "" {
		if err := checkName(f.Account); err != nil {
			return f, err
		}
	}
	if f.Actor != "" && f.Actor != actorStatic {
		if err := checkNameOf("a caller", f.Actor); err != nil {
			return f, err
		}
	}
	switch {
	case f.Limit == 0:
		f.Limit = defaultPage
	case f.Limit < 0 || f.Limit > maxPage:
		return f, badRequest("page_size", "", errors.New("a page has 1 to 500 records"))
	}
	var err error
	if f.Since, _, err = checkSpan(req.GetSince(), nil); err != nil {
		return f, err
	}
	if token := req.GetPageToken(); token != "" {
		if f.BeforeID, err = strconv.ParseInt(token, 10, 64); err != nil || f.BeforeID < 1 {
			return f, badRequest("page_token", "begin the list anew", errors.New("the page token is not one that this API gave"))
		}
	}
	return f, nil
}

func auditMessage(r access.Record) *controlv1.AuditRecord {
	return &controlv1.AuditRecord{
		Id: r.ID, At: timestamppb.New(r.At), Actor: r.Actor, TokenId: r.TokenID, RemoteAddress: r.RemoteAddress,
		Procedure: r.Procedure, Account: r.Account, Target: r.Target, Request: string(r.Request),
		IdempotencyKey: r.IdempotencyKey, Outcome: r.Outcome, FinishedAt: stamp(r.FinishedAt),
	}
}

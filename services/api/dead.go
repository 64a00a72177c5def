package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	maxLetters  = 5000 // that one call deals with
	maxPayloads = 100  // of one letter
)

// dead is DeadService.
type dead struct{ *API }

// ListDead implements DeadService.
func (s dead) ListDead(ctx context.Context, req *controlv1.ListDeadRequest) (*controlv1.ListDeadResponse, error) {
	filter, err := s.filter(ctx, &controlv1.DeadSelection{
		ErrorClass: req.GetErrorClass(), Account: req.GetAccount(), DataType: req.GetDataType(), Since: req.GetSince(),
	})
	if err != nil {
		return nil, err
	}
	if filter.BeforeTime, filter.BeforeID, err = readDeadToken(req.GetPageToken()); err != nil {
		return nil, err
	}
	filter.Resolved = req.GetResolved()
	size, err := pageSize(req.GetPageSize(), "dead letters")
	if err != nil {
		return nil, err
	}
	filter.Limit = size + 1
	out := &controlv1.ListDeadResponse{}
	letters, err := list(s.API, func(reads *ledger.Ledger, _ *postgres.DB) (letters []ledger.DeadLetter, err error) {
		if out.Total, err = reads.DeadCount(ctx, filter); err != nil {
			return nil, err
		}
		return reads.DeadLetters(ctx, filter)
	})
	if err != nil {
		return nil, err
	}
	if len(letters) > size {
		letters = letters[:size]
		out.NextPageToken = deadToken(letters[size-1])
	}
	for _, d := range letters {
		out.Letters = append(out.Letters, deadMessage(d))
	}
	return out, nil
}

// pageSize reads the size of a page; 0 is the default.
func pageSize(asked int32, of string) (int, error) {
	switch {
	case asked == 0:
		return defaultPage, nil
	case asked < 0 || asked > maxPage:
		return 0, badRequest("page_size", "", fmt.Errorf("a page has 1 to %d %s", maxPage, of))
	default:
		return int(asked), nil
	}
}

// deadPlace is where a list of dead letters goes on: behind a letter.
type deadPlace struct {
	At time.Time `json:"at"`
	ID string    `json:"id"`
}

func deadToken(d ledger.DeadLetter) string {
	text, err := json.Marshal(deadPlace{d.DiedAt.UTC(), d.JobID})
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func readDeadToken(token string) (time.Time, string, error) {
	if token == "" {
		return time.Time{}, "", nil
	}
	var place deadPlace
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(text, &place)
	}
	if err != nil || place.At.IsZero() || checkJobIDs(place.ID) != nil {
		return time.Time{}, "", badRequest("page_token", "begin the list anew",
			errors.New("the page token is not one that this API gave"))
	}
	return place.At, place.ID, nil
}

// checkJobIDs accepts UUIDs as Postgres writes them.
func checkJobIDs(ids ...string) error {
	for _, id := range ids {
		if parsed, err := uuid.Parse(id); err != nil || parsed.String() != strings.ToLower(id) {
			return badRequest("job_id", "", fmt.Errorf("%.40q is not the id of a job", id))
		}
	}
	return nil
}

// filter reads what a selection and a list have in common.
func (s dead) filter(ctx context.Context, sel *controlv1.DeadSelection) (ledger.DeadFilter, error) {
	f := ledger.DeadFilter{
		Class: syncjob.Class(sel.GetErrorClass()), DataType: syncjob.DataType(sel.GetDataType()), JobIDs: sel.GetJobIds(),
	}
	if len(sel.GetJobIds()) == 0 {
		f.JobIDs = nil
	}
	var err error
	if f.Since, _, err = checkSpan(sel.GetSince(), nil); err != nil {
		return f, err
	}
	if err = errors.Join(checkWord("error class", sel.GetErrorClass(), words(syncjob.Classes())),
		checkWord("data type", sel.GetDataType(), words(syncjob.Known()))); err != nil {
		return f, firstOf(err)
	}
	if err = checkJobIDs(sel.GetJobIds()...); err != nil || sel.GetAccount() == "" {
		return f, err
	}
	account, err := s.account(ctx, sel.GetAccount())
	f.SubjectID = account.ID
	return f, err
}

// firstOf is the first of joined errors: one problem is answered at a time.
func firstOf(err error) error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()[0]
	}
	return err
}

// GetDead implements DeadService.
func (s dead) GetDead(ctx context.Context, req *controlv1.GetDeadRequest) (*controlv1.GetDeadResponse, error) {
	if err := checkJobIDs(req.GetJobId()); err != nil {
		return nil, err
	}
	letter, err := s.ledger.DeadLetter(ctx, req.GetJobId())
	if err != nil {
		return nil, noLetter(err)
	}
	attempts, err := s.ledger.Attempts(ctx, letter.JobID)
	if err != nil {
		return nil, err
	}
	payloads, err := s.ledger.Payloads(ctx, letter.JobID, maxPayloads)
	if err != nil {
		return nil, err
	}
	out := &controlv1.GetDeadResponse{Letter: deadMessage(letter), Params: string(letter.Params)}
	for _, a := range attempts {
		out.Attempts = append(out.Attempts, &controlv1.DeadAttempt{
			Attempt: small(a.Attempt), Owner: a.Owner, StartedAt: stamp(a.StartedAt), EndedAt: stamp(&a.EndedAt),
			ErrorClass: a.ErrorClass, ErrorCode: a.ErrorCode, ErrorMessage: a.ErrorMessage,
		})
	}
	for _, p := range payloads {
		out.Payloads = append(out.Payloads, &controlv1.DeadPayload{
			Scope: p.Scope, ErrorClass: p.ErrorClass, ErrorMessage: p.ErrorMessage, Payload: p.Payload, At: stamp(&p.At),
		})
	}
	return out, nil
}

func noLetter(err error) error {
	if !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	return notFound("letter_not_found", "`alphapulse dead list` shows those that are there", err)
}

func deadMessage(d ledger.DeadLetter) *controlv1.DeadLetter {
	m := &controlv1.DeadLetter{
		JobId: d.JobID, RunId: d.RunID, Account: d.Account, Exchange: d.Exchange, Environment: d.Environment,
		DataType: string(d.DataType), Lane: string(d.Lane), Trigger: string(d.Trigger), Attempts: small(d.Attempts),
		MaxAttempts: small(d.MaxAttempts), ErrorClass: d.ErrorClass, ErrorCode: d.ErrorCode, ErrorMessage: d.ErrorMessage,
		QueuedAt: stamp(&d.QueuedAt), StartedAt: stamp(d.StartedAt), DiedAt: stamp(&d.DiedAt),
		AnnouncedAt: stamp(d.AnnouncedAt), ReplayOf: d.ReplayOf,
	}
	if d.Window != nil {
		m.WindowFrom, m.WindowTo = stamp(&d.Window.From), stamp(&d.Window.To)
	}
	if r := d.Resolution; r != nil {
		m.Resolution = &controlv1.DeadResolution{
			Resolution: string(r.What), ReplacementJobId: r.ReplacementJobID, ReplacementStatus: string(r.ReplacementStatus),
			ResolvedBy: r.By, ResolvedAt: stamp(&r.At), Note: r.Note, Settled: r.Settled,
		}
	}
	return m
}

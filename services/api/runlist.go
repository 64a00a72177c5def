package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	defaultPage = 50
	maxPage     = 500
	maxToken    = 32 << 10
)

// ListRuns implements RunService.
func (s runs) ListRuns(ctx context.Context, req *controlv1.ListRunsRequest) (*controlv1.ListRunsResponse, error) {
	filter, err := s.filter(ctx, req)
	if err != nil {
		return nil, err
	}
	page, err := readPage(req)
	if err != nil {
		return nil, err
	}
	var next string
	found, err := list(s.API, func(reads *ledger.Ledger, _ *postgres.DB) (found []ledger.Run, err error) {
		found, next, err = page.read(ctx, reads, filter)
		return found, err
	})
	if err != nil {
		return nil, err
	}
	out := &controlv1.ListRunsResponse{NextPageToken: next}
	for _, run := range found {
		out.Runs = append(out.Runs, runMessage(run))
	}
	return out, nil
}

func (s runs) filter(ctx context.Context, req *controlv1.ListRunsRequest) (ledger.RunFilter, error) {
	if err := checkWord("run status", req.GetStatus(), words(syncjob.RunStatuses())); err != nil {
		return ledger.RunFilter{}, err
	}
	if err := checkWord("trigger", req.GetTrigger(), words(triggers())); err != nil {
		return ledger.RunFilter{}, err
	}
	filter := ledger.RunFilter{
		Status: syncjob.RunStatus(req.GetStatus()), Trigger: syncjob.Trigger(req.GetTrigger()),
	}
	if req.GetAccount() == "" {
		return filter, nil
	}
	account, err := s.account(ctx, req.GetAccount())
	filter.SubjectID = account.ID
	return filter, err
}

func triggers() []syncjob.Trigger {
	return []syncjob.Trigger{
		syncjob.Schedule, syncjob.Manual, syncjob.Initial, syncjob.TriggerBackfill, syncjob.Replay, syncjob.Repair,
		syncjob.TriggerProbe, syncjob.TriggerVerify,
	}
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, word := range list {
		out[i] = string(word)
	}
	return out
}

// page is where a list goes on: with the runs made before At or at that very
// instant, except those of that instant that were given already.
type page struct {
	At   time.Time `json:"at"`
	Seen []string  `json:"seen"`
	size int
}

func readPage(req *controlv1.ListRunsRequest) (page, error) {
	size := int(req.GetPageSize())
	switch {
	case size == 0:
		size = defaultPage
	case size < 0 || size > maxPage:
		return page{}, badRequest("page_size", "", errors.New("a page has 1 to 500 runs"))
	}
	p := page{size: size}
	if req.GetPageToken() == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil || p.At.IsZero() || len(p.Seen) > maxPage || len(req.GetPageToken()) > maxToken {
		return page{}, badRequest("page_token", "begin the list anew",
			errors.New("the page token is not one that this API gave"))
	}
	return p, nil
}

func (p page) read(
	ctx context.Context, reads *ledger.Ledger, filter ledger.RunFilter,
) (list []ledger.Run, next string, err error) {
	filter.Limit = p.size + len(p.Seen) + 1
	if !p.At.IsZero() {
		filter.Before = p.At.Add(time.Microsecond)
	}
	list, err = reads.Runs(ctx, filter)
	if err != nil {
		return nil, "", err
	}
	list = slices.DeleteFunc(list, func(r ledger.Run) bool { return slices.Contains(p.Seen, r.ID) })
	if len(list) <= p.size {
		return list, "", nil
	}
	list = list[:p.size]
	return list, p.after(list).token(), nil
}

// after is the page behind a full one.
func (p page) after(list []ledger.Run) page {
	last := list[len(list)-1].CreatedAt
	next := page{At: last.UTC()}
	if last.Equal(p.At) {
		next.Seen = p.Seen
	}
	for _, run := range list {
		if run.CreatedAt.Equal(last) {
			next.Seen = append(next.Seen, run.ID)
		}
	}
	return next
}

func (p page) token() string {
	text, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

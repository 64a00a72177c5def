package exchangesim

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
)

// What Config.ReplayTime may be: whether the envelopes of recorded answers are
// dated now, or as they were recorded. The times in their rows always stay.
const (
	ReplayNow      = "now"
	ReplayRecorded = "recorded"
)

// replay is a folder of recorded answers, most demanding first. Nil: there is
// none.
type replay struct{ sets []recordingSet }

// recordingSet is one answer, in one file or in a file for each page.
type recordingSet []*recording

// loadReplay reads the folder. Its error names every file that is malformed.
func loadReplay(cfg Config) (*replay, error) {
	if cfg.Replay == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(cfg.Replay, ".")
	if err != nil {
		return nil, fmt.Errorf("replay: reading the folder: %w", err)
	}
	sets := map[string]recordingSet{}
	var errs []error
	for _, entry := range entries {
		if passedOver(entry.Name()) {
			continue
		}
		r, err := readRecording(cfg.Replay, entry)
		if err != nil {
			errs = append(errs, fmt.Errorf("replay: %s: %w", entry.Name(), err))
			continue
		}
		r.redate = cfg.ReplayTime == ReplayNow
		sets[r.key()] = append(sets[r.key()], r)
	}
	p := &replay{}
	for _, key := range slices.Sorted(maps.Keys(sets)) {
		if err := sets[key].arrange(); err != nil {
			errs = append(errs, fmt.Errorf("replay: %w", err))
		}
		p.sets = append(p.sets, sets[key])
	}
	slices.SortStableFunc(p.sets, func(a, b recordingSet) int { return cmp.Compare(b[0].conditions(), a[0].conditions()) })
	return p, errors.Join(errs...)
}

// passedOver: hidden files and notes are no recordings; all else must be one.
func passedOver(name string) bool { return strings.HasPrefix(name, ".") || path.Ext(name) == ".md" }

func readRecording(folder fs.FS, entry fs.DirEntry) (*recording, error) {
	if entry.IsDir() || path.Ext(entry.Name()) != ".json" {
		return nil, errors.New("it is no .json file; a replay folder holds those, and notes in .md")
	}
	content, err := fs.ReadFile(folder, entry.Name())
	if err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	return parseRecording(entry.Name(), content)
}

// arrange puts pages in their order, and checks that a walk finds all of them.
func (s recordingSet) arrange() error {
	slices.SortFunc(s, func(a, b *recording) int { return cmp.Compare(a.page, b.page) })
	if len(s) == 1 && s[0].page == 0 {
		return nil
	}
	for i, r := range s {
		switch {
		case i < len(s)-1 && (r.page == 0 || r.page == s[i+1].page):
			return fmt.Errorf("%s and %s: they record the same request", r.file, s[i+1].file)
		case r.page != i+1:
			return fmt.Errorf("%s: where page %d of its request should be; pages are p1, p2 and so on", r.file, i+1)
		case i < len(s)-1 && r.next == "":
			return fmt.Errorf("%s: it has no nextPageCursor, so nothing leads to %s", r.file, s[i+1].file)
		}
	}
	return nil
}

// find gives the recording that answers a request, or neither that nor a
// refusal if the world is to answer.
func (p *replay) find(c *call) (*recording, *refusal) {
	if p == nil {
		return nil, nil
	}
	for _, set := range p.sets {
		if !set[0].takes(c) {
			continue
		}
		cursor := c.query.Get("cursor")
		r := set.page(cursor)
		switch {
		case r != nil:
			return r, nil
		case set[len(set)-1].leadsTo(cursor):
			return emptyPage(c), nil
		default:
			return nil, badParam("invalid cursor")
		}
	}
	return nil, nil
}

// emptyPage follows the last recorded page if that one has a cursor.
func emptyPage(c *call) *recording {
	result := page{List: []any{}, Category: c.query.Get("category")}
	return &recording{body: encode(envelope{RetMsg: "OK", Result: result, RetExtInfo: empty{}, Time: c.dated()})}
}

// page gives the recorded page that a cursor leads to, if any.
func (s recordingSet) page(cursor string) *recording {
	if cursor == "" || s[0].page == 0 {
		return s[0]
	}
	for i, before := range s[:len(s)-1] {
		if before.leadsTo(cursor) {
			return s[i+1]
		}
	}
	return nil
}

// Recording is a file of the replay folder, and how often it was served.
type Recording struct {
	File     string            `json:"file"`
	Endpoint string            `json:"endpoint"`
	UID      string            `json:"uid,omitempty"`
	Query    map[string]string `json:"query,omitempty"`
	Page     int               `json:"page,omitempty"`
	Served   int64             `json:"served"`
}

// Recordings lists the files of the replay folder in the order in which they
// are tried.
func (x *Exchange) Recordings() []Recording {
	list := []Recording{}
	if x.replay == nil {
		return list
	}
	for _, set := range x.replay.sets {
		for _, r := range set {
			list = append(list, Recording{File: r.file, Endpoint: r.path, UID: r.uid, Query: r.query, Page: r.page, Served: r.served.Load()})
		}
	}
	return list
}

// routeReplay adds the admin endpoint of the recordings.
func (x *Exchange) routeReplay(mux *http.ServeMux) {
	mux.HandleFunc("GET /admin/replay", func(w http.ResponseWriter, _ *http.Request) { respond(w, x.Recordings()) })
}

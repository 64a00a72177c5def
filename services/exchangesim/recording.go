package exchangesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// recording is one file of a replay folder: an answer, and for which requests.
type recording struct {
	file   string
	path   string
	uid    string            // "": of everybody
	query  map[string]string // what a request must ask for
	page   int               // 0: the whole answer, for any cursor
	body   []byte
	next   string // its nextPageCursor
	redate bool
	// status is 0 for a plain body, which gets this exchange's own headers;
	// else the file says status and headers, and these are all.
	status  int
	headers map[string]string
	// stamp is where the envelope's time stands in the body, and time what it
	// says; an empty span if the body has none.
	stamp  span
	time   int64
	served atomic.Int64
}

type span struct{ from, to int }

// wrapper is the form of a file that records more than a body.
type wrapper struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// parseRecording reads a file. Its errors do not name it.
func parseRecording(file string, content []byte) (*recording, error) {
	r := &recording{file: file, query: map[string]string{}}
	if err := r.readName(strings.TrimSuffix(path.Base(file), ".json")); err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(content, &fields); err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	_, wrapped := fields["status"]
	_, enveloped := fields["retCode"]
	switch {
	case enveloped:
		var code int
		if err := json.Unmarshal(fields["retCode"], &code); err != nil {
			return nil, errors.New("its retCode is no whole number")
		}
		r.body = bytes.TrimSpace(content)
	case wrapped:
		if err := r.unwrap(content); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("it is neither a body with a retCode nor an object of status, headers and body")
	}
	r.look()
	return r, nil
}

// readName takes a file's name apart: the path with dashes, then the parameters,
// then the page.
func (r *recording) readName(name string) error {
	parts := strings.Split(name, ".")
	for _, ep := range endpoints() {
		if dashed(ep.path) == parts[0] {
			r.path = ep.path
		}
	}
	if r.path == "" {
		return fmt.Errorf("its name must begin with the path of an endpoint, slashes as dashes: %q is none; there are %s",
			parts[0], strings.Join(dashedPaths(), ", "))
	}
	for i, part := range parts[1:] {
		key, value, isQuery := strings.Cut(part, "=")
		value, err := url.QueryUnescape(value)
		switch {
		case isQuery && err == nil && key == "uid":
			r.uid = value
		case isQuery && err == nil && key != "":
			r.query[key] = value
		case i == len(parts)-2 && regexp.MustCompile(`^p[1-9][0-9]{0,3}$`).MatchString(part):
			r.page, _ = strconv.Atoi(part[1:])
		default:
			return fmt.Errorf("%q in its name is neither key=value nor, at the end, a page such as p1", part)
		}
	}
	return nil
}

func dashed(path string) string { return strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "-") }

func dashedPaths() []string {
	var list []string
	for _, p := range paths() {
		list = append(list, dashed(p))
	}
	return list
}

func (r *recording) unwrap(content []byte) error {
	var w wrapper
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return fmt.Errorf("it is no object of status, headers and body: %w", err)
	}
	if w.Status < http.StatusOK || w.Status > 599 {
		return fmt.Errorf("its status must be 200 to 599, not %d", w.Status)
	}
	r.status, r.headers, r.body = w.Status, w.Headers, w.Body
	var text string
	if err := json.Unmarshal(w.Body, &text); err == nil {
		r.body = []byte(text) // a body that is text, and so may be no JSON
	}
	return nil
}

// look finds the time and the cursor in a body. A body that is no JSON has
// neither.
func (r *recording) look() {
	dec := json.NewDecoder(bytes.NewReader(r.body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return
	}
	for dec.More() {
		name, err := dec.Token()
		var value json.RawMessage
		if err != nil || dec.Decode(&value) != nil {
			return
		}
		switch name {
		case "time":
			if ms, err := strconv.ParseInt(string(value), 10, 64); err == nil {
				end := int(dec.InputOffset())
				r.stamp, r.time = span{end - len(value), end}, ms
			}
		case "result":
			var result struct {
				NextPageCursor string `json:"nextPageCursor"`
			}
			_ = json.Unmarshal(value, &result) // of another shape: no cursor
			r.next = result.NextPageCursor
		}
	}
}

// key is the same for the pages of one answer.
func (r *recording) key() string {
	key := r.path + " uid=" + r.uid
	for _, name := range slices.Sorted(maps.Keys(r.query)) {
		key += " " + name + "=" + r.query[name]
	}
	return key
}

func (r *recording) conditions() int {
	if r.uid != "" {
		return len(r.query) + 1
	}
	return len(r.query)
}

// takes tells whether a request, whatever its cursor, is one of those recorded.
func (r *recording) takes(c *call) bool {
	if r.path != c.path || r.uid != "" && r.uid != c.uid {
		return false
	}
	for name, want := range r.query {
		if c.query.Get(name) != want {
			return false
		}
	}
	return true
}

// leadsTo tells whether a cursor is the one that this page gave, in either of
// the ways in which clients send it back.
func (r *recording) leadsTo(cursor string) bool {
	if r.next == "" {
		return false
	}
	plain, err := url.QueryUnescape(r.next)
	return cursor == r.next || err == nil && cursor == plain
}

// dated gives the body as it is sent at an instant.
func (r *recording) dated(at int64) []byte {
	if !r.redate || r.stamp == (span{}) {
		return r.body
	}
	return slices.Concat(r.body[:r.stamp.from], []byte(millis(at)), r.body[r.stamp.to:])
}

// send answers with the recording. No fault garbles it.
func (r *recording) send(c *call) {
	r.served.Add(1)
	body := r.dated(c.dated())
	if r.status == 0 {
		c.stamp()
		writeJSON(c.w, http.StatusOK, body)
		return
	}
	h := c.w.Header()
	for _, name := range []string{limitHeader, limitStatusHeader, limitResetHeader} {
		h.Del(name)
	}
	for name, value := range r.headers {
		h.Set(name, value)
	}
	// The same distance from now as it had from then.
	if reset := number(h.Get(limitResetHeader)); r.redate && reset != 0 && r.time != 0 {
		h.Set(limitResetHeader, millis(c.dated()+reset-r.time))
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(r.status)
	_, _ = c.w.Write(body) // a client that left is no error of ours
}

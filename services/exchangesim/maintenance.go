package exchangesim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Maintenance is an announcement of system/status. Which state it shows follows
// from the exchange's clock: scheduled, ongoing, completed; or canceled.
type Maintenance struct {
	ID    string    `json:"id,omitempty"`
	Title string    `json:"title"`
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"`
	// ServiceTypes (1 to 5) and Product (1 to 4) are the exchange's numbers of
	// what is affected; UIDSuffix the last digits of the accounts that are, none
	// meaning all.
	ServiceTypes []int `json:"service_types,omitempty"`
	Product      []int `json:"product,omitempty"`
	UIDSuffix    []int `json:"uid_suffix,omitempty"`
	MaintainType int   `json:"maintain_type,omitempty"` // default 1
	Env          int   `json:"env,omitempty"`           // default 1
	// Refuse answers 10016 to the private requests of the affected accounts
	// while it lasts. Otherwise nothing but the announcement is seen of it.
	Refuse   bool `json:"refuse,omitempty"`
	Canceled bool `json:"canceled,omitempty"`
}

// SystemStatus is one row of system/status as the exchange sends it: documented
// with maintainType and env as strings, shown with numbers.
type SystemStatus struct {
	ID           string `json:"id"`
	Title        string `json:"title"`
	State        string `json:"state"`
	Begin        string `json:"begin"`
	End          string `json:"end"`
	Href         string `json:"href"`
	ServiceTypes []int  `json:"serviceTypes"`
	Product      []int  `json:"product"`
	UIDSuffix    []int  `json:"uidSuffix"`
	MaintainType int    `json:"maintainType"`
	Env          int    `json:"env"`
}

const maxNotices = 1000

// noticeBoard holds the announcements, oldest first.
type noticeBoard struct {
	mu   sync.Mutex
	list []Maintenance
	last int
}

// AnnounceMaintenance puts an announcement up and returns its id. One with an
// id that is there already replaces it.
func (x *Exchange) AnnounceMaintenance(m Maintenance) (id string, err error) {
	if err := m.validate(); err != nil {
		return "", fmt.Errorf("announcing maintenance: %w", err)
	}
	m.Title, m.MaintainType, m.Env = orDefault(m.Title, "Planned upgrade"), orDefault(m.MaintainType, 1), orDefault(m.Env, 1)
	return x.notices.put(m)
}

// CancelMaintenance calls an announcement off; it stays, as canceled.
func (x *Exchange) CancelMaintenance(id string) error {
	x.notices.mu.Lock()
	defer x.notices.mu.Unlock()
	for i := range x.notices.list {
		if x.notices.list[i].ID == id {
			x.notices.list[i].Canceled = true
			return nil
		}
	}
	return fmt.Errorf("%w: no maintenance %q is announced", ErrNothing, id)
}

// Maintenances lists the announcements, oldest first.
func (x *Exchange) Maintenances() []Maintenance { return x.notices.all() }

func (m Maintenance) validate() error {
	var errs []error
	if m.Begin.IsZero() || m.End.IsZero() || !m.Begin.Before(m.End) {
		errs = append(errs, errors.New("begin and end are instants, and begin comes first"))
	}
	inside := func(name string, list []int, low, high int) {
		for _, n := range list {
			if n < low || n > high {
				errs = append(errs, fmt.Errorf("%s are %d to %d, not %d", name, low, high, n))
			}
		}
	}
	inside("service_types", m.ServiceTypes, 1, 5)
	inside("product", m.Product, 1, 4)
	inside("uid_suffix", m.UIDSuffix, 0, 9)
	return errors.Join(errs...)
}

func (m Maintenance) state(at int64) string {
	switch {
	case m.Canceled:
		return "canceled"
	case at < m.Begin.UnixMilli():
		return "scheduled"
	case at < m.End.UnixMilli():
		return "ongoing"
	default:
		return "completed"
	}
}

func (m Maintenance) affects(uid string) bool {
	return len(m.UIDSuffix) == 0 || uid != "" && slices.Contains(m.UIDSuffix, int(uid[len(uid)-1]-'0'))
}

func (m Maintenance) row(at int64) SystemStatus {
	return SystemStatus{
		ID: m.ID, Title: m.Title, State: m.state(at), Begin: millis(m.Begin.UnixMilli()), End: millis(m.End.UnixMilli()),
		ServiceTypes: append([]int{}, m.ServiceTypes...), Product: append([]int{}, m.Product...), UIDSuffix: append([]int{}, m.UIDSuffix...),
		MaintainType: m.MaintainType, Env: m.Env,
	}
}

func (b *noticeBoard) put(m Maintenance) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.ID == "" {
		b.last++
		m.ID = "maintenance-" + strconv.Itoa(b.last)
	}
	for i := range b.list {
		if b.list[i].ID == m.ID {
			b.list[i] = m
			return m.ID, nil
		}
	}
	if len(b.list) >= maxNotices {
		return "", fmt.Errorf("announcing maintenance: %d are announced already, and the stand-in keeps no more", maxNotices)
	}
	b.list = append(b.list, m)
	return m.ID, nil
}

func (b *noticeBoard) all() []Maintenance {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Maintenance{}, b.list...)
}

// refuse is the answer of a maintenance that keeps this account out.
func (b *noticeBoard) refuse(c *call) *refusal {
	if c.uid == "" {
		return nil
	}
	for _, m := range b.all() {
		if m.Refuse && m.state(c.now) == "ongoing" && m.affects(c.uid) {
			return refuse(codeSystem, "%s", usualMessage(codeSystem))
		}
	}
	return nil
}

type statusList struct {
	List []SystemStatus `json:"list"`
}

// serveSystemStatus answers the announcements, newest first.
func serveSystemStatus(x *Exchange, c *call) (any, *refusal) {
	id, state := c.query.Get("id"), c.query.Get("state")
	if state != "" && !slices.Contains([]string{"scheduled", "ongoing", "completed", "canceled"}, state) {
		return nil, badParam("state invalid: %s", state)
	}
	result := statusList{List: []SystemStatus{}}
	for _, m := range slices.Backward(x.notices.all()) {
		if row := m.row(c.at); (id == "" || id == row.ID) && (state == "" || state == row.State) {
			result.List = append(result.List, row)
		}
	}
	return result, nil
}

// routeMaintenance adds the admin endpoints of announcements.
func (x *Exchange) routeMaintenance(mux *http.ServeMux) {
	mux.HandleFunc("GET /admin/maintenance", func(w http.ResponseWriter, _ *http.Request) { respond(w, x.Maintenances()) })
	mux.HandleFunc("POST /admin/maintenance", func(w http.ResponseWriter, r *http.Request) {
		var m Maintenance
		err := decode(w, r, &m)
		if err == nil {
			m.ID, err = x.AnnounceMaintenance(m)
		}
		if err != nil {
			failed(w, err)
			return
		}
		respond(w, map[string]string{"id": m.ID})
	})
	mux.HandleFunc("DELETE /admin/maintenance", func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("id")
		if err := x.CancelMaintenance(id); err != nil {
			failed(w, err)
			return
		}
		respond(w, map[string]string{"canceled": id})
	})
}

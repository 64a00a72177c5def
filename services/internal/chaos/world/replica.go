package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
)

// replicaConfig is that of a replica in the place of a server that was another's.
func (w *World) replicaConfig(place *databases.Server) (cfg databases.Config, err error) {
	cfg = w.databaseConfig("replica_" + strconv.FormatInt(w.named.Add(1), 10))
	_, port, err := net.SplitHostPort(place.Address())
	if err != nil {
		return cfg, err
	}
	cfg.Port, err = strconv.Atoi(port)
	return cfg, err
}

// startAPI starts an API that reads from whichever server is the replica.
func (w *World) startAPI(context.Context) error {
	if w.cfg.Topology != Replicated {
		return nil
	}
	address, err := freeAddress(w.ctx)
	if err != nil {
		return err
	}
	w.api = "http://" + address
	reads := strings.Replace(w.linkedDatabaseURL(API), "=read-write", "=standby", 1)
	_, err = w.StartMember(API, []string{"DATABASE_READ_URL=" + reads}, "--http", address)
	return err
}

// staleAfter is how old the newest balance that the API shows may be: more than a
// slow machine needs between two readings, and less than a replica lags that a
// fault has stopped.
const staleAfter = 7 * time.Second

// FreshReads demands that the API answers from a database that is up to date.
func (w *World) FreshReads(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		w.api+"/alphapulse.control.v1.StatusService/GetStatus", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking the API: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	var status any
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answered %s: %w", response.Status, err)
	}
	newest := newestTime(status, "asOf")
	if age := time.Since(newest); age > staleAfter {
		return fmt.Errorf("the newest data that the API shows is %s old", age.Round(time.Millisecond))
	}
	return nil
}

// newestTime finds the latest of all times of a name in an answer.
func newestTime(value any, name string) (newest time.Time) {
	take := func(t time.Time) {
		if t.After(newest) {
			newest = t
		}
	}
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if text, ok := inner.(string); ok && key == name {
				if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
					take(t)
				}
			}
			take(newestTime(inner, name))
		}
	case []any:
		for _, inner := range v {
			take(newestTime(inner, name))
		}
	}
	return newest
}

package brokers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// errUnhealthy: a server that answers, and has something to complain about.
var errUnhealthy = errors.New("not healthy")

// healthy tries whether the server says that it is, its streams and consumers
// included.
func (s *Server) healthy(ctx context.Context) error {
	var health struct{ Status, Error string }
	if err := s.monitored(ctx, "/healthz", &health); err != nil {
		return err
	}
	if health.Status != "ok" {
		return fmt.Errorf("%w: %s", errUnhealthy, health.Error)
	}
	return nil
}

// Healthy reports why the server is not healthy, nil if it is.
func (s *Server) Healthy(ctx context.Context) error {
	if err := s.healthy(ctx); err != nil {
		return fmt.Errorf("the health of broker %s: %w", s.cfg.Name, err)
	}
	return nil
}

// cluster is a group of servers that agree.
type cluster struct {
	Leader string // "" if there is none
}

// jetStream is the part of the endpoint /jsz that is about leaders.
type jetStream struct {
	Meta     cluster `json:"meta_cluster"`
	Accounts []struct {
		Streams []struct {
			Name    string
			Cluster cluster
		} `json:"stream_detail"`
	} `json:"account_details"`
}

// led reports who leads JetStream, or that it or one of the server's streams has
// no leader.
func (s *Server) led(ctx context.Context) (leader string, err error) {
	var known jetStream
	if err := s.monitored(ctx, "/jsz?accounts=true&streams=true", &known); err != nil {
		return "", err
	}
	if known.Meta.Leader == "" {
		return "", fmt.Errorf("broker %s: %w JetStream", s.cfg.Name, ErrNoLeader)
	}
	for _, account := range known.Accounts {
		for _, stream := range account.Streams {
			if stream.Cluster.Leader == "" {
				return "", fmt.Errorf("broker %s: %w stream %s", s.cfg.Name, ErrNoLeader, stream.Name)
			}
		}
	}
	return known.Meta.Leader, nil
}

// monitored reads an endpoint whose answer is JSON, whatever its status.
func (s *Server) monitored(ctx context.Context, path string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, oneTry)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.MonitorURL()+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(answer)
}

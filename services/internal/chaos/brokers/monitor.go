package brokers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/nats-io/nats.go/jetstream"
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

// group is some servers that agree under a leader; nil for what needs no leader.
type group *struct {
	Leader string // "" if there is none
}

// jetStream is the part of the endpoint /jsz that is about leaders.
type jetStream struct {
	Meta     group `json:"meta_cluster"`
	Accounts []struct {
		Name    string
		Streams []struct {
			Name      string
			Cluster   group
			Consumers []struct {
				Name    string
				Cluster group
			} `json:"consumer_detail"`
		} `json:"stream_detail"`
	} `json:"account_details"`
}

// account of clients that do not say who they are.
const account = "$G"

// asset is a stream, a consumer of one, or JetStream itself, which is neither.
type asset struct{ stream, consumer string }

func (a asset) String() string {
	switch {
	case a.consumer != "":
		return "consumer " + a.consumer + " of " + a.stream
	case a.stream != "":
		return "stream " + a.stream
	default:
		return "JetStream"
	}
}

// leaders is who leads what, in the eyes of one or more servers.
type leaders map[asset]string

// leaders asks the server whom it follows; it fails where that is nobody.
func (s *Server) leaders(ctx context.Context) (leaders, error) {
	var known jetStream
	if err := s.monitored(ctx, "/jsz?accounts=true&streams=true&consumers=true", &known); err != nil {
		return nil, err
	}
	found := leaders{}
	found.note(asset{}, known.Meta)
	for _, of := range known.Accounts {
		if of.Name != account {
			continue
		}
		for _, stream := range of.Streams {
			found.note(asset{stream: stream.Name}, stream.Cluster)
			for _, consumer := range stream.Consumers {
				found.note(asset{stream.Name, consumer.Name}, consumer.Cluster)
			}
		}
	}
	for what, leader := range found {
		if leader == "" {
			return nil, fmt.Errorf("broker %s: %w %v", s.cfg.Name, ErrNoLeader, what)
		}
	}
	return found, nil
}

func (l leaders) note(what asset, of group) {
	if of != nil {
		l[what] = of.Leader
	}
}

// join adds what another server knows and fails where the two do not agree.
func (l leaders) join(other leaders) error {
	for what, leader := range other {
		if known, both := l[what]; both && known != leader {
			return fmt.Errorf("%w: %s and %s are taken for the leader of %v", ErrNoLeader, known, leader, what)
		}
		l[what] = leader
	}
	return nil
}

// answer tries whether all that is led answers. One that is elected does so
// only when it has caught up, and until then a question is lost.
func (l leaders) answer(ctx context.Context, url string) error {
	return ask(ctx, url, func(ctx context.Context, js jetstream.JetStream) error {
		for what := range l {
			if err := what.answers(ctx, js); err != nil {
				return fmt.Errorf("%v: %w", what, err)
			}
		}
		return nil
	})
}

func (a asset) answers(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(ctx, oneAnswer)
	defer cancel()
	var err error
	switch {
	case a.consumer != "":
		_, err = js.Consumer(ctx, a.stream, a.consumer)
	case a.stream != "":
		_, err = js.Stream(ctx, a.stream)
	default:
		_, err = js.AccountInfo(ctx)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil // deleted since
	}
	return err
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

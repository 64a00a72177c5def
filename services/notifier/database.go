package notifier

import (
	"context"
	"time"
)

// directTries bounds how often a notice that no table holds is sent.
const directTries = 5

// watchDatabase tells of the database's own absence, which no table can hold:
// straight from here, when the pool's alert begins and when it is over. Every
// notifier tells of its own; the id of these notices is 0.
func (n *Notifier) watchDatabase(take, work context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var since time.Time
	var message string
	for {
		health := n.db.Health()
		switch {
		case health.Alert && since.IsZero():
			since, message = time.Now(), health.Err.Error()
			n.tellDirectly(work, Notice{State: "firing", Message: message, Since: since, At: time.Now()})
		case health.Healthy && !since.IsZero():
			n.tellDirectly(work, Notice{State: "recovered", Message: message, Since: since, At: time.Now()})
			since = time.Time{}
		}
		select {
		case <-take.Done():
			return
		case <-ticker.C:
		}
	}
}

func (n *Notifier) tellDirectly(ctx context.Context, notice Notice) {
	notice.Kind, notice.Subject = DatabaseUnreachable, "postgres"
	for _, t := range n.cfg.Targets {
		if !t.wants(notice.Kind) {
			continue
		}
		for try := 1; ; try++ {
			err := n.sender.send(ctx, t, notice)
			if err == nil {
				break
			}
			log := n.log.WithError(err).WithField("target", t.Name)
			if try == directTries || !pause(ctx, retryAfter(try)) {
				log.Error("notifier: given up telling of the database")
				break
			}
			log.Warn("notifier: not told of the database; it is tried again")
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

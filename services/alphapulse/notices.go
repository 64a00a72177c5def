package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const noticeHelp = `{id, condition, subject, state, level, message, since, at, deliveries: [{target, status, attempts,
last_error, next_at, delivered_at}]}`

// noticesCommand is `alphapulse notices`.
func (p *program) noticesCommand() *cobra.Command {
	return group("notices", "Look at what people were told of, and send again what did not reach them",
		"Look at what `alphapulse notifier` told people of: the begin of a condition, that it got worse, its end.\n"+
			"A notice that a target did not take is tried again for hours, and is dead then.",
		p.noticesListCommand(), p.noticesRetryCommand())
}

func (p *program) noticesListCommand() *cobra.Command {
	request := &controlv1.ListNoticesRequest{}
	cmd := &cobra.Command{
		Use: "list", Short: "List notices, newest first", Args: noArguments,
		Long:    "List notices, newest first.\n\nWith --json: {notices: [" + noticeHelp + "]}",
		Example: "  alphapulse notices list --firing\n  alphapulse notices list --dead --json",
	}
	r := p.remote(cmd)
	cmd.Flags().BoolVar(&request.Dead, "dead", false, "only those that did not reach a target")
	cmd.Flags().BoolVar(&request.Firing, "firing", false, "only conditions that are in force")
	cmd.Flags().Int32Var(&request.Limit, "limit", 100, "how many, 1 to 1000")
	cmd.Flags().Int64Var(&request.Before, "before", 0, "go on where a list ended: its last id")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if request.GetLimit() < 1 || request.GetLimit() > 1000 {
			return usageError("--limit must lie between 1 and 1000")
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.ListNotices(ctx, request)
			if err != nil {
				return err
			}
			return r.listNotices(res)
		})
	}
	return cmd
}

func (r *remote) listNotices(res *controlv1.ListNoticesResponse) error {
	p := r.program
	if r.asJSON {
		views := []noticeView{}
		for _, n := range res.GetNotices() {
			views = append(views, viewNotice(n))
		}
		return p.writeJSON(struct {
			Notices []noticeView `json:"notices"`
		}{views})
	}
	if len(res.GetNotices()) == 0 {
		p.say("There are no such notices.")
		return nil
	}
	t := newTable(p.stdout, "ID", "AT", "CONDITION", "OF", "STATE", "MESSAGE", "DELIVERED")
	for _, n := range res.GetNotices() {
		t.row(strconv.FormatInt(n.GetId(), 10), moment(n.GetAt()), n.GetCondition(), n.GetSubject(), n.GetState(), n.GetMessage(),
			reached(n))
	}
	return t.end()
}

// reached says for each target whether it has the notice.
func reached(n *controlv1.Notice) string {
	var words []string
	for _, d := range n.GetDeliveries() {
		word := d.GetTarget() + " " + d.GetStatus()
		if d.GetStatus() != "delivered" && d.GetLastError() != "" {
			word += " (" + d.GetLastError() + ")"
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return "nobody to tell"
	}
	return strings.Join(words, "; ")
}

func (p *program) noticesRetryCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "retry [ID…]", Short: "Send notices again that did not reach a target",
		Long:    "Send notices again whose deliveries were given up.\n\nWith --json: {retried}",
		Example: "  alphapulse notices retry 17 18\n  alphapulse notices retry --all",
	}
	r := p.remote(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every one that was given up")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if all == (len(args) > 0) {
			return usageError("name notices by their ids, or give --all")
		}
		ids, err := rowNumbers(args)
		if err != nil {
			return err
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.RetryNotices(ctx, &controlv1.RetryNoticesRequest{Ids: ids})
			switch {
			case err != nil:
				return err
			case r.asJSON:
				return p.writeJSON(map[string]int64{"retried": res.GetRetried()})
			}
			p.say("%d sent again.", res.GetRetried())
			return nil
		})
	}
	return cmd
}

type noticeView struct {
	ID         int64          `json:"id"`
	Condition  string         `json:"condition"`
	Subject    string         `json:"subject"`
	State      string         `json:"state"`
	Level      int32          `json:"level"`
	Message    string         `json:"message"`
	Since      *time.Time     `json:"since"`
	At         *time.Time     `json:"at"`
	Deliveries []deliveryView `json:"deliveries"`
}

type deliveryView struct {
	Target      string     `json:"target"`
	Status      string     `json:"status"`
	Attempts    int32      `json:"attempts"`
	LastError   string     `json:"last_error"`
	NextAt      *time.Time `json:"next_at"`
	DeliveredAt *time.Time `json:"delivered_at"`
}

func viewNotice(n *controlv1.Notice) noticeView {
	v := noticeView{
		ID: n.GetId(), Condition: n.GetCondition(), Subject: n.GetSubject(), State: n.GetState(), Level: n.GetLevel(),
		Message: n.GetMessage(), Since: instant(n.GetSince()), At: instant(n.GetAt()), Deliveries: []deliveryView{},
	}
	for _, d := range n.GetDeliveries() {
		v.Deliveries = append(v.Deliveries, deliveryView{
			d.GetTarget(), d.GetStatus(), d.GetAttempts(), d.GetLastError(), instant(d.GetNextAt()), instant(d.GetDeliveredAt()),
		})
	}
	return v
}

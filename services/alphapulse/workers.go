package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const settingHelp = `{data_type, worker, slots, lanes, paused, updated_by, updated_at}`

// workersCommand is `alphapulse workers`.
func (p *program) workersCommand() *cobra.Command {
	return group("workers", "Show what workers do, and change their slots and lanes",
		"Show what workers do, and change their slots and lanes while they run.", p.workersListCommand(), p.workersSetCommand())
}

func (p *program) workersListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the workers with their slots and lanes", Args: noArguments,
		Long: "List the workers that run, with the slots and lanes that are in force, and what was set for them.\n\nWith --json: " +
			"{settings: [" + settingHelp + "],\nworkers: [{name, data_type, slots, max_slots, lanes, paused, seen_at}]}\n" +
			"  slots, lanes and paused of settings: null where nothing was set; worker: empty for every worker\n" +
			"  max_slots: the most that the worker's connections allow (--write-conns)",
		Example: "  alphapulse workers list",
	}
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.ListWorkerSettings(ctx, &controlv1.ListWorkerSettingsRequest{})
			if err != nil {
				return err
			}
			return r.listWorkers(res)
		})
	}
	return cmd
}

func (p *program) workersSetCommand() *cobra.Command {
	request := &controlv1.SetWorkerSettingsRequest{}
	cmd := &cobra.Command{
		Use: "set --type TYPES", Short: "Change the slots and lanes of workers while they run", Args: noArguments,
		Long: "Change how many jobs of a queue workers work on at once, which lanes they serve, and whether they take jobs at\n" +
			"all. They follow within a second or so; jobs in hand go on to their end. A worker whose connections do not carry\n" +
			"so many slots uses as many as it can, and says so in its log and in `workers list`. What is set holds for workers\n" +
			"that start later, too.\n\nWith --json: {settings: [" + settingHelp + "]}, of these types and workers",
		Example: "  alphapulse workers set --type orders --slots 16\n  alphapulse workers set --type fills,ledger --lanes live\n" +
			"  alphapulse workers set --type orders --worker host-4711 --pause\n  alphapulse workers set --type orders --reset",
	}
	r := p.remote(cmd)
	var slots int32
	var pause, resume bool
	flags := cmd.Flags()
	flags.StringSliceVar(&request.Types, "type", nil, "data types, separated by commas (required): "+syncjob.JoinTypes(syncjob.Requestable()))
	flags.StringVar(&request.Worker, "worker", "", "only this worker, by its name; it goes before what is set for all")
	flags.Int32Var(&slots, "slots", 0, "jobs of one queue that are worked on at once, 1 to "+strconv.Itoa(ledger.MaxSlots))
	flags.StringSliceVar(&request.Lanes, "lanes", nil, "lanes to serve: live, backfill")
	flags.BoolVar(&pause, "pause", false, "take no jobs of these types")
	flags.BoolVar(&resume, "resume", false, "take jobs of these types again")
	flags.BoolVar(&request.AsStarted, "reset", false, "forget what was set: each does what it was started with")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		given := cmd.Flags().Changed("slots")
		change := given || len(request.GetLanes()) > 0 || pause || resume
		switch {
		case len(request.GetTypes()) == 0:
			return usageError("--type is required\nSee `%s --help`.", cmd.CommandPath())
		case pause && resume, change == request.GetAsStarted():
			return usageError("give --slots, --lanes, --pause or --resume, or --reset\nSee `%s --help`.", cmd.CommandPath())
		}
		if given {
			request.Slots = &slots
		}
		if pause || resume {
			request.Paused = &pause
		}
		request.By = p.person()
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.SetWorkerSettings(ctx, request)
			if err != nil {
				return err
			}
			return r.showSettings(res.GetSettings())
		})
	}
	return cmd
}

// workerSettingView is a setting in JSON.
type workerSettingView struct {
	DataType  string     `json:"data_type"`
	Worker    string     `json:"worker"`
	Slots     *int32     `json:"slots"`
	Lanes     []string   `json:"lanes"`
	Paused    *bool      `json:"paused"`
	UpdatedBy string     `json:"updated_by"`
	UpdatedAt *time.Time `json:"updated_at"`
}

type workerStateView struct {
	Name     string     `json:"name"`
	DataType string     `json:"data_type"`
	Slots    int32      `json:"slots"`
	MaxSlots int32      `json:"max_slots"`
	Lanes    []string   `json:"lanes"`
	Paused   bool       `json:"paused"`
	SeenAt   *time.Time `json:"seen_at"`
}

type settingsView struct {
	Settings []workerSettingView `json:"settings"`
}

type workersView struct {
	Settings []workerSettingView `json:"settings"`
	Workers  []workerStateView   `json:"workers"`
}

func viewSettings(list []*controlv1.WorkerSetting) []workerSettingView {
	views := []workerSettingView{}
	for _, s := range list {
		views = append(views, workerSettingView{
			s.GetDataType(), s.GetWorker(), s.Slots, s.GetLanes(), s.Paused, s.GetUpdatedBy(), instant(s.GetUpdatedAt()), //nolint:protogetter // nil is an answer
		})
	}
	return views
}

func (r *remote) showSettings(list []*controlv1.WorkerSetting) error {
	p := r.program
	if r.asJSON {
		return p.writeJSON(settingsView{viewSettings(list)})
	}
	if len(list) == 0 {
		p.say("Nothing is set: workers do what they were started with.")
	}
	for _, s := range list {
		p.say("%s", plain(settingLine(s)))
	}
	return nil
}

// settingLine is a setting in words.
func settingLine(s *controlv1.WorkerSetting) string {
	words := []string{s.GetDataType() + " of"}
	if s.GetWorker() == "" {
		words = append(words, "every worker:")
	} else {
		words = append(words, s.GetWorker()+":")
	}
	if s.Slots != nil { //nolint:protogetter // nil is an answer
		words = append(words, number(int(s.GetSlots()), "slot"))
	}
	if len(s.GetLanes()) > 0 {
		words = append(words, "lanes "+strings.Join(s.GetLanes(), ","))
	}
	if s.GetPaused() {
		words = append(words, "takes no jobs")
	}
	return strings.Join(words, " ") + " (set by " + orDash(s.GetUpdatedBy()) + ", " + moment(s.GetUpdatedAt()) + ")"
}

func (r *remote) listWorkers(res *controlv1.ListWorkerSettingsResponse) error {
	p := r.program
	if r.asJSON {
		view := workersView{viewSettings(res.GetSettings()), []workerStateView{}}
		for _, w := range res.GetWorkers() {
			view.Workers = append(view.Workers, workerStateView{
				w.GetName(), w.GetDataType(), w.GetSlots(), w.GetMaxSlots(), w.GetLanes(), w.GetPaused(), instant(w.GetSeenAt()),
			})
		}
		return p.writeJSON(view)
	}
	if len(res.GetWorkers()) == 0 {
		p.say("No worker runs.")
	} else {
		t := newTable(p.stdout, "TYPE", "WORKER", "SLOTS", "LANES", "NOTES")
		for _, w := range res.GetWorkers() {
			t.row(w.GetDataType(), w.GetName(), strconv.Itoa(int(w.GetSlots())), strings.Join(w.GetLanes(), ","), workerNotes(w, res.GetSettings()))
		}
		if err := t.end(); err != nil {
			return err
		}
	}
	for _, s := range res.GetSettings() {
		p.say("  set: %s", plain(settingLine(s)))
	}
	return nil
}

// workerNotes says where a worker does not do what was set.
func workerNotes(w *controlv1.WorkerState, settings []*controlv1.WorkerSetting) string {
	var notes []string
	if w.GetPaused() {
		notes = append(notes, "takes no jobs")
	}
	wanted := int32(0)
	for _, worker := range []string{"", w.GetName()} {
		i := slices.IndexFunc(settings, func(s *controlv1.WorkerSetting) bool {
			return s.GetDataType() == w.GetDataType() && s.GetWorker() == worker && s.Slots != nil //nolint:protogetter // nil is an answer
		})
		if i >= 0 {
			wanted = settings[i].GetSlots()
		}
	}
	if wanted > w.GetMaxSlots() {
		notes = append(notes, "its connections carry "+strconv.Itoa(int(w.GetMaxSlots()))+" of the "+strconv.Itoa(int(wanted))+" slots set")
	}
	return strings.Join(notes, "; ")
}

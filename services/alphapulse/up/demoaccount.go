package up

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/proto/alphapulse/control/v1/controlv1connect"
	"github.com/alphapulse/alphapulse/services/alphapulse/exchanges"
	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// demoClient talks to the API like any other client.
type demoClient struct {
	accounts controlv1connect.AccountServiceClient
	runs     controlv1connect.RunServiceClient
}

func newDemoClient(url string, token vault.Secret) demoClient {
	client := &http.Client{Transport: bearer{token: token, next: http.DefaultTransport}}
	return demoClient{
		accounts: controlv1connect.NewAccountServiceClient(client, url),
		runs:     controlv1connect.NewRunServiceClient(client, url),
	}
}

// bearer adds the token to requests.
type bearer struct {
	token vault.Secret
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	if !b.token.IsEmpty() {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+b.token.Reveal())
	}
	return b.next.RoundTrip(req)
}

// firstRunTime bounds the wait for the account's first run; it goes on beyond it.
const firstRunTime = time.Minute

// show brings the account to a first result and prints it. What goes wrong is
// printed as well: it is the demo's fault alone, and the rest runs on.
func (d *demo) show(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, firstRunTime, fmt.Errorf("no result within %s", firstRunTime))
	defer cancel()
	run, err := d.firstRun(ctx)
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		return
	case err != nil:
		d.log.WithError(err).Error("the demo account has no result")
		d.term.step("demo", "%v", err)
	case run != nil:
		d.print(run)
		d.showPast(ctx)
	}
}

// showPast reads what happened to the account, and prints it. The schedules read
// it too; this is for who does not want to wait for them.
func (d *demo) showPast(ctx context.Context) {
	d.term.step("demo", "reading fills, ledger and closed PnL")
	started, err := d.account.runs.StartSync(ctx, &controlv1.StartSyncRequest{
		Account: demoAccount, Types: []string{"fills", "ledger", "closed_pnl"},
	})
	var run *controlv1.Run
	if err == nil {
		run, err = d.watch(ctx, started.GetRun().GetId())
	}
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
	case err != nil:
		d.log.WithError(err).Warn("the demo account's past has not been read yet")
		d.term.step("demo", "%v; it goes on", err)
	default:
		d.print(run)
	}
}

// firstRun adds the account if it is not there, waits for its probe, and gives
// its initial run when that has ended; of an account that was there before, a new
// run of all types. nil without an error: there is nothing to wait for.
func (d *demo) firstRun(ctx context.Context) (*controlv1.Run, error) {
	account, probe, err := d.ensureAccount(ctx)
	if err != nil {
		return nil, err
	}
	if !d.workers {
		d.term.step("demo", "the account %q waits for a worker", demoAccount)
		return nil, nil
	}
	if probe == nil {
		return d.again(ctx, account)
	}
	d.term.step("demo", "checking the key of account %q", demoAccount)
	if _, err := d.watch(ctx, probe.GetId()); err != nil {
		return nil, fmt.Errorf("waiting for the account's key to be checked: %w", err)
	}
	found, err := d.account.accounts.GetAccount(ctx, &controlv1.GetAccountRequest{Name: demoAccount})
	if err != nil {
		return nil, err
	}
	if status := found.GetAccount().GetStatus(); status != "active" {
		return nil, fmt.Errorf("the account is %s: %s", status, found.GetAccount().GetReason())
	}
	runs, err := d.account.runs.ListRuns(ctx, &controlv1.ListRunsRequest{Account: demoAccount, Trigger: "initial", PageSize: 1})
	if err != nil {
		return nil, err
	}
	if len(runs.GetRuns()) == 0 {
		return d.again(ctx, found.GetAccount())
	}
	d.term.step("demo", "reading balances, positions, orders and prices")
	return d.watch(ctx, runs.GetRuns()[0].GetId())
}

// ensureAccount gives the account, and the run that probes its key if there is
// one to wait for.
func (d *demo) ensureAccount(ctx context.Context) (*controlv1.Account, *controlv1.Run, error) {
	found, err := d.account.accounts.GetAccount(ctx, &controlv1.GetAccountRequest{Name: demoAccount})
	switch {
	case connect.CodeOf(err) == connect.CodeNotFound:
		key, secret, _ := exchangesim.Credentials(d.world.Seed, 0)
		added, err := d.account.accounts.AddAccount(ctx, &controlv1.AddAccountRequest{
			Name: demoAccount, Exchange: exchanges.Bybit, Environment: demoEnvironment, BaseUrl: d.url,
			ApiKey: key, ApiSecret: secret, StandIn: true,
		})
		return added.GetAccount(), added.GetProbe(), err
	case err != nil:
		return nil, nil, err
	}
	switch account := found.GetAccount(); account.GetStatus() {
	case "pending", "needs_attention":
		tested, err := d.account.accounts.TestAccount(ctx, &controlv1.TestAccountRequest{Name: demoAccount})
		return tested.GetAccount(), tested.GetProbe(), err
	default:
		return account, nil, nil
	}
}

// again runs all types of an account that was there before.
func (d *demo) again(ctx context.Context, account *controlv1.Account) (*controlv1.Run, error) {
	if account.GetStatus() != "active" {
		d.term.step("demo", "the account %q is %s: `alphapulse accounts resume %[1]s` starts it", demoAccount, account.GetStatus())
		return nil, nil
	}
	started, err := d.account.runs.StartSync(ctx, &controlv1.StartSyncRequest{Account: demoAccount})
	if err != nil {
		return nil, err
	}
	d.term.step("demo", "account %q is as it was; reading it again", demoAccount)
	return d.watch(ctx, started.GetRun().GetId())
}

// watch returns a run when it has ended.
func (d *demo) watch(ctx context.Context, id string) (*controlv1.Run, error) {
	stream, err := d.account.runs.WatchRun(ctx, &controlv1.WatchRunRequest{Id: id})
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	var last *controlv1.Run
	for stream.Receive() {
		last = stream.Msg().GetRun()
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("run %s: %w", id, context.Cause(ctx))
	case stream.Err() != nil:
		return nil, stream.Err()
	case last == nil || last.GetStatus() == "running":
		return nil, errors.New("run " + id + " is not over, and watching it has ended")
	}
	return last, nil
}

func (d *demo) print(run *controlv1.Run) {
	d.term.line("")
	took := run.GetFinishedAt().AsTime().Sub(run.GetStartedAt().AsTime()).Round(10 * time.Millisecond)
	d.term.line("  Run %s: %s in %s", run.GetId(), run.GetStatus(), took)
	d.term.mu.Lock()
	defer d.term.mu.Unlock()
	table := tabwriter.NewWriter(d.term.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  DATA\tSTATUS\tROWS\tCHANGED\tAS OF (UTC)\t")
	for _, job := range run.GetJobs() {
		asOf := "-"
		if job.GetAsOf() != nil {
			asOf = job.GetAsOf().AsTime().UTC().Format("15:04:05.000")
		}
		fmt.Fprintf(table, "  %s\t%s\t%d\t%d\t%s\t%s\n", job.GetDataType(), job.GetStatus(), job.GetRowsFetched(),
			job.GetRowsChanged(), asOf, job.GetErrorMessage())
	}
	_ = table.Flush() // the terminal is gone; the log is not
}

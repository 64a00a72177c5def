package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/alphapulse/exchanges"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// apiSettings are the API's own.
type apiSettings struct {
	cfg     api.Config
	replica string // the address of a replica, if there is one
}

// apiCommand is `alphapulse api`.
func (p *program) apiCommand(env *daemon.Env) *cobra.Command {
	cmd := partCommand("api", "Serve the API that the commands of people talk to",
		"Serve the API (Connect: gRPC, gRPC-Web and HTTP with JSON).\n"+
			"Needs DATABASE_URL, NATS_URL and ALPHAPULSE_VAULT_PUBLIC_KEY (or …_FILE), and ALPHAPULSE_TOKEN (or …_FILE)\n"+
			"on any address but a loopback one. Lists are read from DATABASE_READ_URL if it is set.")
	proc := newProcess(p, cmd, env)
	proc.nats.add(proc.settings)
	var a apiSettings
	proc.settings.text(&a.cfg.Listen, "http", api.DefaultListen, "listen on HOST:PORT")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return proc.runAPI(cmd, &a) }
	return cmd
}

func (p *process) runAPI(cmd *cobra.Command, a *apiSettings) error {
	defer p.close()
	p.database.read(p.env)
	a.replica = p.env.GetSecret(readSetting)
	p.settings.read()
	p.nats.read(p.env)
	a.cfg.Token = vault.NewSecret(p.env.GetSecret(api.TokenSetting))
	p.env.Check(a.cfg.Validate())
	sealer, err := vault.LoadSealer(p.env.Lookup)
	p.env.Check(err)
	if err := p.open(); err != nil {
		return err
	}
	db, err := p.pool(cmd.Context(), postgres.Config{Name: "api", MaxConns: 16})
	if err != nil {
		return err
	}
	reads, err := p.reads(cmd.Context(), db, a.replica)
	if err != nil {
		return err
	}
	q, err := p.connect(cmd.Context())
	if err != nil {
		return err
	}
	server, err := api.New(a.cfg, api.Deps{
		DB: db, Reads: reads, Broker: q, Past: q, Queues: q, Sealer: sealer, BaseURL: exchanges.BaseURL, Metrics: p.registry,
		Log: p.log,
	})
	if err != nil {
		return err
	}
	listener, err := server.Listen()
	if err != nil {
		return err
	}
	p.log.WithField("address", listener.Addr().String()).Info("the API listens")
	return p.serve(cmd.Context(), part{db: db, queue: q, beside: server.Components(listener), run: untilStopped})
}

// untilStopped is the part of a process whose work others do.
func untilStopped(take, _ context.Context) error {
	<-take.Done()
	return nil
}

// reads chooses between the primary and a replica; nil without one.
func (p *process) reads(ctx context.Context, primary *postgres.DB, url string) (*postgres.Reads, error) {
	if url == "" {
		return nil, nil
	}
	replica, err := postgres.Open(ctx, p.pools.Measure(postgres.Config{
		URL: url, Name: "replica", Replica: true, ApplicationName: "alphapulse/api/" + p.name + "/replica", MaxConns: 16, Log: p.log,
	}))
	if err != nil {
		return nil, err
	}
	p.later(replica.Close)
	p.pools.Watch(replica)
	reads := postgres.NewReads(ctx, primary, replica, postgres.ReadsConfig{Log: p.log})
	p.later(reads.Close)
	return reads, nil
}

package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/worker/budget"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/exchange/bybit"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// liveEvery is the time between two live requests of one walker.
const liveEvery = 100 * time.Millisecond

// work is one worker process: it reads until ctx ends.
func (s settings) work(ctx context.Context) error {
	logger := logrus.New()
	logger.SetOutput(os.Stderr)
	logger.SetLevel(logrus.WarnLevel)
	log := logger.WithField("process", s.child)
	db, err := postgres.Open(ctx, postgres.Config{URL: s.database, Name: "claims", MaxConns: 4, Log: log})
	if err != nil {
		return err
	}
	defer db.Close()
	fleet, err := budget.New(db, budget.Config{Egress: "proof", RequestsPerSecond: s.rate, Log: log})
	if err != nil {
		return err
	}
	readers, err := s.readers(fleet, log)
	if err != nil {
		return err
	}
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { fleet.Run(ctx) })
	for i := range s.walkers {
		parts.Go(func() { walk(exchange.WithPriority(ctx, exchange.Backfill), readers, i, 0, log) })
	}
	for i := range s.live {
		parts.Go(func() { walk(ctx, readers, i, liveEvery, log) })
	}
	return nil
}

// readers are the accounts of this process.
func (s settings) readers(fleet *budget.Fleet, log *logrus.Entry) ([]exchange.BalanceReader, error) {
	policies := exchange.DefaultPolicies()
	policies.MaxInFlight = max(policies.MaxInFlight, uint(s.walkers+s.live+2)) //nolint:gosec // flags of a tool
	hosts, err := exchange.NewHosts(policies, fleet, log)
	if err != nil {
		return nil, err
	}
	adapter, err := bybit.NewAdapter(hosts, bybit.Settings{})
	if err != nil {
		return nil, err
	}
	var readers []exchange.BalanceReader
	for i := range s.accounts {
		if s.accounts >= s.processes && i%s.processes != s.child {
			continue
		}
		key, secret, uid := exchangesim.Credentials(1, i)
		account, err := adapter.Account(
			exchange.Target{Environment: "mainnet", BaseURL: s.exchange, UID: uid},
			exchange.NewCredentials(key, []byte(secret)))
		if err != nil {
			return nil, err
		}
		reader, ok := account.(exchange.BalanceReader)
		if !ok {
			return nil, fmt.Errorf("%T reads no balances", account)
		}
		readers = append(readers, reader)
	}
	return readers, nil
}

// walk reads one account after the other, and rests between two requests.
func walk(ctx context.Context, readers []exchange.BalanceReader, from int, rest time.Duration, log *logrus.Entry) {
	for i := from; ctx.Err() == nil; i++ {
		began := time.Now()
		snap := readers[i%len(readers)].Balances(ctx, "unified")
		if snap.Err != nil && ctx.Err() == nil {
			log.WithError(snap.Err).Warn("a request failed")
		}
		if rest > 0 {
			if took := time.Since(began); took > time.Second {
				log.WithField("took", took.String()).Warn("a live request waited")
			}
			timer := time.NewTimer(rest)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
		}
	}
}

package world

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// addedAtOnce is how many accounts wait for their probe side by side. A probe has
// thirty seconds, within which the workers must get to it.
const addedAtOnce = 16

// addAccounts adds every account of the exchange and waits until all are active.
func (w *World) addAccounts(ctx context.Context) error {
	w.Accounts = make([]ledger.Account, w.cfg.Accounts)
	errs := make([]error, w.cfg.Accounts)
	var adding sync.WaitGroup
	places := make(chan struct{}, addedAtOnce)
	for index := range w.cfg.Accounts {
		adding.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			w.Accounts[index], errs[index] = w.addActive(ctx, index)
		})
	}
	adding.Wait()
	return errors.Join(errs...)
}

// addActive adds an account and waits until its probe has passed.
func (w *World) addActive(ctx context.Context, index int) (ledger.Account, error) {
	account, err := w.addAccount(ctx, index)
	if err != nil {
		return account, err
	}
	err = Poll(ctx, "account "+account.Name+" to become active", func() (bool, error) {
		var err error
		account, err = w.Ledger.Account(ctx, account.ID)
		return account.Status == ledger.AccountActive, err
	})
	return account, err
}

func (w *World) addAccount(ctx context.Context, index int) (ledger.Account, error) {
	key, secret, _ := exchangesim.Credentials(w.cfg.Seed, index)
	account, _, err := w.Ledger.AddAccount(ctx, ledger.NewAccount{
		Name:   fmt.Sprintf("account-%d", index),
		Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: w.exchange.url},
		Seal: func(id string, version int) ([]byte, error) {
			credentials := vault.Credentials{Key: vault.NewSecret(key), Secret: vault.NewSecret(secret)}
			return w.opener.Sealer().Seal(id, version, credentials)
		},
	})
	return account, err
}

// schedule gives every schedule the same short cadence, and the victims none.
func (w *World) schedule(ctx context.Context) error {
	for i, account := range w.Accounts {
		for _, dataType := range syncjob.Requestable() {
			if dataType.Shared() {
				continue
			}
			every := w.cfg.Cadence
			if dataType.History() && dataType != syncjob.Orders {
				every *= 4
			}
			subject := syncjob.Subject{Kind: syncjob.Account, ID: account.ID}
			if err := w.Ledger.SetCadence(ctx, subject, dataType, every); err != nil {
				return err
			}
		}
		if i < victims {
			if _, err := w.DB.Exec(ctx, `UPDATE alphapulse.schedules SET enabled = false WHERE account_id = $1`, account.ID); err != nil {
				return err
			}
		}
	}
	market := syncjob.Subject{Kind: syncjob.Market, ID: w.Accounts[0].MarketID}
	return w.Ledger.SetCadence(ctx, market, syncjob.Prices, w.cfg.Cadence)
}

// PutOff moves every schedule on, or back by a negative time: in between nothing is
// due. It is tried again like StopSchedules.
func (w *World) PutOff(ctx context.Context, by time.Duration) error {
	return Poll(ctx, "the schedules to be put off", func() (bool, error) {
		_, err := w.DB.Exec(ctx, `UPDATE alphapulse.schedules SET next_at = next_at + $1::interval`, by)
		return err == nil, nil
	})
}

// StopSchedules leaves nothing to be planned. The scheduler takes the same rows in
// another order, so that the two may deadlock: it is tried again.
func (w *World) StopSchedules(ctx context.Context) error {
	return Poll(ctx, "the schedules to stop", func() (bool, error) {
		_, err := w.DB.Exec(ctx, `UPDATE alphapulse.schedules SET enabled = false`)
		return err == nil, nil
	})
}

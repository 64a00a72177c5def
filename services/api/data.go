package api

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/data"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// datas is DataService.
type datas struct{ *API }

// GetPortfolio implements DataService.
func (s datas) GetPortfolio(
	ctx context.Context, req *controlv1.GetPortfolioRequest,
) (*controlv1.GetPortfolioResponse, error) {
	if req.GetAccount() != "" {
		if _, err := s.account(ctx, req.GetAccount()); err != nil {
			return nil, err
		}
	}
	return list(s.API, func(_ *ledger.Ledger, db *postgres.DB) (*controlv1.GetPortfolioResponse, error) {
		now, err := databaseTime(ctx, db)
		if err != nil {
			return nil, err
		}
		found, err := data.Portfolios(ctx, db, req.GetAccount())
		return &controlv1.GetPortfolioResponse{ReadAt: timestamppb.New(now), Accounts: found}, err
	})
}

// ListBalances implements DataService.
func (s datas) ListBalances(
	ctx context.Context, req *controlv1.ListBalancesRequest,
) (*controlv1.ListBalancesResponse, error) {
	if err := checkWord("wallet", req.GetWallet(), []string{"unified", "contract", "spot", "fund"}); err != nil {
		return nil, err
	}
	out := &controlv1.ListBalancesResponse{}
	var err error
	out.State, err = s.read(ctx, req.GetAccount(), syncjob.Balances, req.GetAt(), func(r data.Reader, _ ledger.Account) (err error) {
		out.Balances, err = r.Balances(ctx, req.GetWallet())
		return err
	})
	return out, err
}

// ListPositions implements DataService.
func (s datas) ListPositions(
	ctx context.Context, req *controlv1.ListPositionsRequest,
) (*controlv1.ListPositionsResponse, error) {
	if err := checkCategory(req.GetCategory()); err != nil {
		return nil, err
	}
	out := &controlv1.ListPositionsResponse{}
	var err error
	out.State, err = s.read(ctx, req.GetAccount(), syncjob.Positions, req.GetAt(), func(r data.Reader, _ ledger.Account) (err error) {
		out.Positions, err = r.Positions(ctx, req.GetCategory(), req.GetSymbol())
		return err
	})
	return out, err
}

// ListPrices implements DataService.
func (s datas) ListPrices(ctx context.Context, req *controlv1.ListPricesRequest) (*controlv1.ListPricesResponse, error) {
	if err := checkCategory(req.GetCategory()); err != nil {
		return nil, err
	}
	out := &controlv1.ListPricesResponse{}
	var err error
	out.State, err = s.read(ctx, req.GetAccount(), syncjob.Prices, req.GetAt(), func(r data.Reader, a ledger.Account) (err error) {
		out.Prices, err = r.Prices(ctx, a.MarketID, req.GetCategory(), req.GetSymbols())
		return err
	})
	return out, err
}

func checkCategory(category string) error {
	return checkWord("category", category, []string{"spot", "linear", "inverse", "option"})
}

// read reads rows of an account, from a replica while it is fresh enough, and
// says how far they can be trusted. The state is read first: rows that come in
// between are newer than it says, never older.
func (s datas) read(
	ctx context.Context, name string, kind syncjob.DataType, at *timestamppb.Timestamp,
	rows func(data.Reader, ledger.Account) error,
) (*controlv1.DataState, error) {
	instant, err := checkInstant(at)
	if err != nil {
		return nil, err
	}
	account, err := s.account(ctx, name)
	if err != nil {
		return nil, err
	}
	return list(s.API, func(reads *ledger.Ledger, db *postgres.DB) (*controlv1.DataState, error) {
		state, err := dataState(ctx, reads, db, name, kind)
		if err != nil {
			return nil, err
		}
		if !instant.IsZero() {
			ofThePast(state, at)
		}
		return state, explainPast(rows(data.Reader{DB: db, AccountID: account.ID, At: instant}, account))
	})
}

func checkInstant(at *timestamppb.Timestamp) (time.Time, error) {
	instant, _, err := checkSpan(at, nil)
	return instant, err
}

// ofThePast is the state of rows as they were.
func ofThePast(state *controlv1.DataState, at *timestamppb.Timestamp) {
	state.At, state.AsOf, state.Complete, state.UnreadScopes = at, at, nil, nil
	state.Age = durationpb.New(state.GetReadAt().AsTime().Sub(at.AsTime()))
	state.Stale = false
}

func dataState(
	ctx context.Context, reads *ledger.Ledger, db *postgres.DB, account string, kind syncjob.DataType,
) (*controlv1.DataState, error) {
	now, err := databaseTime(ctx, db)
	if err != nil {
		return nil, err
	}
	state := &controlv1.DataState{ReadAt: timestamppb.New(now), Stale: true, Complete: new(bool)}
	fresh, err := reads.Freshness(ctx, account)
	if err != nil {
		return nil, err
	}
	for _, f := range fresh {
		if f.DataType != string(kind) {
			continue
		}
		state.AsOf, state.Stale, *state.Complete = stamp(f.AsOf), f.Stale, f.Complete
		if f.Age != nil {
			state.Age = durationpb.New(*f.Age)
		}
	}
	unread, err := reads.UnreadScopes(ctx, account)
	for _, u := range unread {
		if u.DataType == string(kind) {
			state.UnreadScopes = append(state.UnreadScopes, &controlv1.UnreadScope{
				Scope: u.Scope, ErrorClass: u.Class, ErrorCode: u.Code, ErrorMessage: u.Message, At: stamp(u.At),
			})
		}
	}
	return state, err
}

// explainPast passes on what the functions of the past say of an instant that
// they cannot show.
func explainPast(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == "22023" || refused.Code == "P0002") {
		return badRequest("time", refused.Hint, errors.New(refused.Message))
	}
	return err
}

package api

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// seriesReach is how far back a series begins unless it is told.
const seriesReach = 30 * 24 * time.Hour

// candles is CandleService.
type candles struct{ *API }

// AddCandleSeries implements CandleService.
func (s candles) AddCandleSeries(
	ctx context.Context, req *controlv1.AddCandleSeriesRequest,
) (*controlv1.AddCandleSeriesResponse, error) {
	if err := checkSeries(req.GetCategory(), req.GetSymbol(), req.GetInterval()); err != nil {
		return nil, err
	}
	since, _, err := checkSpan(req.GetSince(), nil)
	if err != nil {
		return nil, err
	}
	if since.IsZero() {
		since = time.Now().Add(-seriesReach).UTC().Truncate(24 * time.Hour)
	}
	market, err := s.market(ctx, req.GetMarket(), true)
	if err != nil {
		return nil, err
	}
	err = s.ledger.AddCandleSeries(ctx, market.ID, req.GetCategory(), req.GetSymbol(), req.GetInterval(), since)
	if err != nil {
		return nil, err
	}
	added, err := s.series(ctx, market, req.GetCategory(), req.GetSymbol(), req.GetInterval())
	s.log.WithField("series", req.GetCategory()+"/"+req.GetSymbol()+"/"+req.GetInterval()).WithField("market_id", market.ID).
		Info("api: candle series added")
	return &controlv1.AddCandleSeriesResponse{Series: added}, err
}

// ListCandleSeries implements CandleService.
func (s candles) ListCandleSeries(
	ctx context.Context, req *controlv1.ListCandleSeriesRequest,
) (*controlv1.ListCandleSeriesResponse, error) {
	markets, err := s.ledger.Markets(ctx)
	if err != nil {
		return nil, err
	}
	if req.GetAccount() != "" {
		account, err := s.account(ctx, req.GetAccount())
		if err != nil {
			return nil, err
		}
		markets = slices.DeleteFunc(markets, func(m ledger.Market) bool { return m.ID != account.MarketID })
	}
	out := &controlv1.ListCandleSeriesResponse{}
	for _, m := range markets {
		list, err := s.listSeries(ctx, m)
		if err != nil {
			return nil, err
		}
		out.Series = append(out.Series, list...)
	}
	return out, nil
}

// RemoveCandleSeries implements CandleService.
func (s candles) RemoveCandleSeries(
	ctx context.Context, req *controlv1.RemoveCandleSeriesRequest,
) (*controlv1.RemoveCandleSeriesResponse, error) {
	market, err := s.market(ctx, req.GetMarket(), false)
	if err != nil {
		return nil, err
	}
	removed, err := s.series(ctx, market, req.GetCategory(), req.GetSymbol(), req.GetInterval())
	if err != nil {
		return nil, err
	}
	err = s.ledger.RemoveCandleSeries(ctx, market.ID, req.GetCategory(), req.GetSymbol(), req.GetInterval())
	if err != nil {
		return nil, noSeries(err)
	}
	s.log.WithField("series", req.GetCategory()+"/"+req.GetSymbol()+"/"+req.GetInterval()).WithField("market_id", market.ID).
		Info("api: candle series removed")
	return &controlv1.RemoveCandleSeriesResponse{Series: removed}, nil
}

// market finds the market that a call is about, and makes it if it may.
func (s candles) market(ctx context.Context, choice *controlv1.MarketChoice, create bool) (ledger.Market, error) {
	if choice.GetAccount() != "" {
		account, err := s.account(ctx, choice.GetAccount())
		return ledger.Market{
			ID: account.MarketID, Exchange: account.Exchange, Environment: account.Environment, BaseURL: account.BaseURL,
		}, err
	}
	base, err := s.baseURL(choice.GetExchange(), choice.GetEnvironment(), choice.GetBaseUrl(), choice.GetStandIn())
	if err != nil {
		return ledger.Market{}, err
	}
	wanted := ledger.Market{Exchange: choice.GetExchange(), Environment: choice.GetEnvironment(), BaseURL: base}
	if create {
		return s.ledger.EnsureMarket(ctx, wanted)
	}
	markets, err := s.ledger.Markets(ctx)
	if err != nil {
		return ledger.Market{}, err
	}
	for _, m := range markets {
		if m.Exchange == wanted.Exchange && m.Environment == wanted.Environment && m.BaseURL == wanted.BaseURL {
			return m, nil
		}
	}
	return ledger.Market{}, notFound("market_not_found", "`alphapulse candles list` shows the series that are stored",
		fmt.Errorf("nothing is kept of %s %s (%s)", wanted.Exchange, wanted.Environment, wanted.BaseURL))
}

// series finds one series with how far it is stored.
func (s candles) series(
	ctx context.Context, market ledger.Market, category, symbol, interval string,
) (*controlv1.CandleSeries, error) {
	list, err := s.listSeries(ctx, market)
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		if one.GetCategory() == category && one.GetSymbol() == symbol && one.GetInterval() == interval {
			return one, nil
		}
	}
	return nil, noSeries(fmt.Errorf("candle series %s/%s %s: %w", category, symbol, interval, ledger.ErrNotFound))
}

func (s candles) listSeries(ctx context.Context, market ledger.Market) ([]*controlv1.CandleSeries, error) {
	list, err := s.ledger.CandleSeries(ctx, market.ID)
	if err != nil {
		return nil, err
	}
	stored, err := s.ledger.CandleExtents(ctx, market.ID)
	if err != nil {
		return nil, err
	}
	var out []*controlv1.CandleSeries
	for _, one := range list {
		extent := stored[ledger.SeriesKey{Category: one.Category, Symbol: one.Symbol, Interval: one.Interval}]
		out = append(out, &controlv1.CandleSeries{
			Exchange: market.Exchange, Environment: market.Environment, BaseUrl: market.BaseURL, Category: one.Category,
			Symbol: one.Symbol, Interval: one.Interval, Since: timestamppb.New(one.Since),
			CreatedAt: timestamppb.New(one.CreatedAt), Bars: extent.Bars, FirstBarAt: stamp(extent.First),
			LastBarAt: stamp(extent.Last),
		})
	}
	return out, nil
}

func noSeries(err error) error {
	if !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	return notFound("series_not_found", "`alphapulse candles list` shows those that are stored", err)
}

// checkSeries refuses what cannot be a series of any exchange. Whether this one
// lists the symbol shows when the series is read.
func checkSeries(category, symbol, interval string) error {
	categories := []string{"spot", "linear", "inverse"}
	switch {
	case !slices.Contains(categories, category):
		return badRequest("category", "", fmt.Errorf("there are no candles of category %.40q: use one of %s", category,
			strings.Join(categories, ", ")))
	case !regexp.MustCompile(`^[A-Z0-9][A-Z0-9._-]{0,63}$`).MatchString(symbol):
		return badRequest("symbol", "write it as the exchange does, such as BTCUSDT", fmt.Errorf("%.70q is no symbol", symbol))
	case !slices.Contains(barIntervals(), interval):
		return badRequest("interval", "", fmt.Errorf("there is no interval %.40q: use one of %s", interval,
			strings.Join(barIntervals(), ", ")))
	}
	return nil
}

// barIntervals are those of Bybit V5 (market/kline).
func barIntervals() []string {
	return []string{"1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "D", "W", "M"}
}

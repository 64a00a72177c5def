package api_test

import (
	"fmt"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

const (
	tiny = "0.000000012345"
	huge = "123456789012345678901234567890.000000000000000001"
)

// hold stores balances as a worker does: the row and the history of its key.
func hold(t *testing.T, s *apitest.Server, accountID, asset, total string, since, until time.Time) {
	t.Helper()
	var ended any
	if !until.IsZero() {
		ended = until
	} else {
		s.Exec(t, `
INSERT INTO alphapulse.balances (account_id, wallet, asset, total, run_id, as_of, observed_at)
VALUES ($1, 'unified', $2, $3::text::numeric, gen_random_uuid(), $4, $4)`, accountID, asset, total, since)
	}
	s.Exec(t, `
INSERT INTO alphapulse.balances_history (account_id, wallet, asset, total, run_id, valid_from, valid_to, observed_at)
VALUES ($1, 'unified', $2, $3::text::numeric, gen_random_uuid(), $4, $5, $4)`, accountID, asset, total, since, ended)
}

func TestBalancesAreExactAndSayHowFarTheyCanBeTrusted(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	now := time.Now().Truncate(time.Microsecond)
	hold(t, s, account.ID, "BTC", tiny, now.Add(-time.Hour), now.Add(-time.Minute))
	hold(t, s, account.ID, "BTC", huge, now.Add(-time.Minute), time.Time{})
	res, err := c.ListBalances(t.Context(), &controlv1.ListBalancesRequest{Account: "main"})
	require.NoError(t, err)
	require.Len(t, res.GetBalances(), 1)
	require.Equal(t, huge, res.GetBalances()[0].GetTotal())
	require.Nil(t, res.GetBalances()[0].Borrowed, "what was not sent is no zero")
	require.True(t, now.Add(-time.Minute).Equal(res.GetBalances()[0].GetAsOf().AsTime()))
	require.False(t, res.GetState().GetStale())
	require.True(t, res.GetState().GetComplete())
	require.NotNil(t, res.GetState().GetAge())

	then, err := c.ListBalances(t.Context(), &controlv1.ListBalancesRequest{
		Account: "main", At: timestamppb.New(now.Add(-30 * time.Minute)), Wallet: "unified",
	})
	require.NoError(t, err)
	require.Equal(t, tiny, then.GetBalances()[0].GetTotal())
	require.Nil(t, then.GetState().Complete, "not recorded")
	require.Equal(t, then.GetState().GetAt().AsTime(), then.GetState().GetAsOf().AsTime())

	s.Exec(t, `
INSERT INTO alphapulse.sync_scopes (account_id, data_type, scope, complete, error_class, error_message)
VALUES ($1, 'balances', 'fund', false, 'permission', 'may not')`, account.ID)
	s.Exec(t, `UPDATE alphapulse.sync_state SET as_of = as_of - interval '1 day' WHERE account_id = $1`, account.ID)
	res, err = c.ListBalances(t.Context(), &controlv1.ListBalancesRequest{Account: "main"})
	require.NoError(t, err)
	require.True(t, res.GetState().GetStale())
	require.False(t, res.GetState().GetComplete())
	require.Equal(t, "fund", res.GetState().GetUnreadScopes()[0].GetScope())

	s.Exec(t, `UPDATE alphapulse.history_retention SET pruned_to = $1 WHERE table_name = 'balances_history'`, now.Add(-time.Minute))
	_, err = c.ListBalances(t.Context(), &controlv1.ListBalancesRequest{
		Account: "main", At: timestamppb.New(now.Add(-30 * time.Minute)),
	})
	require.Contains(t, requireProblem(t, err, connect.CodeInvalidArgument, "time").GetNextStep(), "history_retention")
	require.Contains(t, message(err), "pruned")
	_, err = c.ListBalances(t.Context(), &controlv1.ListBalancesRequest{Account: "nobody"})
	requireProblem(t, err, connect.CodeNotFound, "account_not_found")
	_, err = c.ListBalances(t.Context(), &controlv1.ListBalancesRequest{Account: "main", Wallet: "purse"})
	require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err))
}

func TestThePortfolioListsWhatHasNoPrice(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	s.Add(t, "empty")
	now := time.Now()
	hold(t, s, account.ID, "BTC", "2", now, time.Time{})
	hold(t, s, account.ID, "GOSSIP", "5", now, time.Time{})
	s.Exec(t, `
INSERT INTO alphapulse.prices (market_id, category, symbol, last, scope, run_id, as_of, observed_at)
VALUES ($1, 'spot', 'BTCUSDT', 64000.5, 'spot', gen_random_uuid(), $2, $2)`, account.MarketID, now)
	res, err := c.GetPortfolio(t.Context(), &controlv1.GetPortfolioRequest{})
	require.NoError(t, err)
	require.Len(t, res.GetAccounts(), 2)
	main := res.GetAccounts()[1]
	require.Equal(t, "128001.0", main.GetValueUsdt())
	require.Equal(t, []string{"GOSSIP"}, main.GetUnpriced())
	require.False(t, main.GetComplete())
	require.Len(t, main.GetHoldings(), 2)
	require.Equal(t, "BTCUSDT", main.GetHoldings()[0].GetPriceSource())
	require.Nil(t, main.GetHoldings()[1].Price)
	require.NotEmpty(t, main.GetHoldings()[1].GetUnpricedReason())
	one, err := c.GetPortfolio(t.Context(), &controlv1.GetPortfolioRequest{Account: "main"})
	require.NoError(t, err)
	require.Len(t, one.GetAccounts(), 1)
	_, err = c.GetPortfolio(t.Context(), &controlv1.GetPortfolioRequest{Account: "nobody"})
	requireProblem(t, err, connect.CodeNotFound, "account_not_found")
}

// Every order is in exactly one page, those without a time first, also while
// new ones come.
func TestPagesOfOrders(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	const insert = `
INSERT INTO alphapulse.orders (account_id, category, order_id, symbol, side, status, price, run_id, as_of, observed_at, created_at)
SELECT $1, $2, $3 || i, 'BTCUSDT', 'buy', $4, ('1.' || i)::numeric, gen_random_uuid(), clock_timestamp(), clock_timestamp(), $5
FROM generate_series(1, 5) i`
	day := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	s.Exec(t, insert, account.ID, "linear", "same-", "filled", day)
	s.Exec(t, insert, account.ID, "spot", "same-", "open", day)
	s.Exec(t, insert, account.ID, "linear", "later-", "open", day.Add(time.Microsecond))
	s.Exec(t, insert, account.ID, "linear", "none-", "unknown", nil)
	var ids []string
	request := &controlv1.ListOrdersRequest{Account: "main", PageSize: 3}
	for {
		res, err := c.ListOrders(t.Context(), request)
		require.NoError(t, err)
		for _, o := range res.GetOrders() {
			ids = append(ids, o.GetCategory()+" "+o.GetOrderId())
		}
		if request.PageToken = res.GetNextPageToken(); request.GetPageToken() == "" {
			break
		}
		require.Len(t, res.GetOrders(), 3)
		if len(ids) > 5 { // behind those without a time, which come first
			s.Exec(t, insert, account.ID, "option", fmt.Sprintf("new-%d-", len(ids)), "open", time.Now())
		}
	}
	require.Len(t, ids, 20)
	require.Equal(t, "linear none-1", ids[0])
	require.Equal(t, "linear later-1", ids[5])
	require.Equal(t, "linear same-1", ids[10])
	require.Equal(t, "spot same-5", ids[19])

	some, err := c.ListOrders(t.Context(), &controlv1.ListOrdersRequest{
		Account: "main", Category: "linear", Statuses: []string{"filled", "unknown"}, Since: timestamppb.New(day), Until: timestamppb.New(day.Add(time.Hour)),
	})
	require.NoError(t, err)
	require.Len(t, some.GetOrders(), 5, "an order without a time is of no time")
	require.Equal(t, "1.1", some.GetOrders()[0].GetPrice())
	for name, request := range map[string]*controlv1.ListOrdersRequest{
		"page_token": {Account: "main", PageToken: "bm8"},
		"page size":  {Account: "main", PageSize: 1001},
		"status":     {Account: "main", Statuses: []string{"lost"}},
		"category":   {Account: "main", Category: "gossip"},
	} {
		_, err := c.ListOrders(t.Context(), request)
		require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err), name)
	}
}

func TestFillsPositionsAndPrices(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	now := time.Now().Truncate(time.Microsecond)
	s.Exec(t, `
INSERT INTO alphapulse.fills (account_id, category, exec_id, order_id, symbol, price, fee, fee_asset, executed_at, scope, run_id, as_of, observed_at)
SELECT $1, 'linear', 'e' || i, 'o' || i % 2, 'BTCUSDT', $2::text::numeric, -0.00001, 'USDT', $3::timestamptz + i * interval '1 second', 'linear',
       gen_random_uuid(), clock_timestamp(), clock_timestamp() FROM generate_series(1, 4) i`, account.ID, tiny, now)
	fills, err := c.ListFills(t.Context(), &controlv1.ListFillsRequest{Account: "main", OrderId: "o1", PageSize: 1})
	require.NoError(t, err)
	require.Equal(t, "e3", fills.GetFills()[0].GetExecId())
	require.Equal(t, tiny, fills.GetFills()[0].GetPrice())
	require.Equal(t, "-0.00001", fills.GetFills()[0].GetFee())
	fills, err = c.ListFills(t.Context(), &controlv1.ListFillsRequest{Account: "main", OrderId: "o1", PageToken: fills.GetNextPageToken()})
	require.NoError(t, err)
	require.Len(t, fills.GetFills(), 1)
	require.Equal(t, "e1", fills.GetFills()[0].GetExecId())

	s.Exec(t, `
INSERT INTO alphapulse.positions (account_id, category, symbol, position_idx, side, size, scope, run_id, as_of, observed_at)
VALUES ($1, 'linear', 'BTCUSDT', 1, 'long', $2::text::numeric, 'linear:USDT', gen_random_uuid(), $3, $3)`, account.ID, huge, now)
	positions, err := c.ListPositions(t.Context(), &controlv1.ListPositionsRequest{Account: "main", Category: "linear", Symbol: "BTCUSDT"})
	require.NoError(t, err)
	require.Equal(t, huge, positions.GetPositions()[0].GetSize())
	positions, err = c.ListPositions(t.Context(), &controlv1.ListPositionsRequest{Account: "main", At: timestamppb.New(now)})
	require.NoError(t, err)
	require.Empty(t, positions.GetPositions(), "its history does not know it")

	s.Exec(t, `
INSERT INTO alphapulse.prices (market_id, category, symbol, last, scope, run_id, as_of, observed_at)
SELECT $1, 'spot', symbol, 1.50, 'spot', gen_random_uuid(), $2, $2 FROM unnest('{BTCUSDT,ETHUSDT}'::text[]) symbol`, account.MarketID, now)
	s.Exec(t, `
INSERT INTO alphapulse.prices_history (market_id, category, symbol, last, scope, run_id, valid_from, valid_to)
VALUES ($1, 'spot', 'BTCUSDT', 1.25, 'spot', gen_random_uuid(), $2::timestamptz - interval '1 hour', $2)`, account.MarketID, now)
	prices, err := c.ListPrices(t.Context(), &controlv1.ListPricesRequest{Account: "main", Symbols: []string{"ETHUSDT"}})
	require.NoError(t, err)
	require.Len(t, prices.GetPrices(), 1)
	require.Equal(t, "1.50", prices.GetPrices()[0].GetLast())
	prices, err = c.ListPrices(t.Context(), &controlv1.ListPricesRequest{Account: "main", At: timestamppb.New(now.Add(-time.Minute))})
	require.NoError(t, err)
	require.Len(t, prices.GetPrices(), 1)
	require.Equal(t, "1.25", prices.GetPrices()[0].GetLast())
}

package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const stateHelp = `state: {read_at, at, as_of, age_seconds, stale, complete, unread_scopes: [{scope, error_class,
error_code, error_message, at}]}`

// showCommand is `alphapulse show`.
func (p *program) showCommand() *cobra.Command {
	return group("show", "Show what is stored: portfolio, balances, positions, orders, fills, prices",
		"Show what is stored of an account, now or at an instant of the past (--at). It reads the tables and asks no exchange.\n"+
			"Numbers are digit for digit as the exchange sent them; what it did not send is shown as -, and is null in JSON.\n"+
			"Every answer says as of when it is true, whether it is stale, and whether anything could not be read.",
		p.showPortfolioCommand(), p.showBalancesCommand(), p.showPositionsCommand(), p.showOrdersCommand(),
		p.showFillsCommand(), p.showPricesCommand())
}

// rowsShown are flags that several of its commands have.
type rowsShown struct {
	at, since, until         dateFlag
	category, symbol, wallet string
	limit                    int32
	page                     string
}

func (s *rowsShown) addAt(cmd *cobra.Command) {
	cmd.Flags().Var(&s.at, "at", "as it was then: "+dateHelp)
}

func (s *rowsShown) addSymbol(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.category, "category", "", "only of this category: spot, linear, inverse or option")
	cmd.Flags().StringVar(&s.symbol, "symbol", "", "only of this symbol")
}

func (s *rowsShown) addPage(cmd *cobra.Command, what string) {
	cmd.Flags().Var(&s.since, "since", what+" from here: "+dateHelp)
	cmd.Flags().Var(&s.until, "until", what+" before")
	cmd.Flags().Int32Var(&s.limit, "limit", 100, "how many, 1 to 1000")
	cmd.Flags().StringVar(&s.page, "page", "", "go on where a list ended: its next_page_token")
}

func (s *rowsShown) check() error {
	if s.limit < 0 || s.limit > 1000 {
		return usageError("--limit must lie between 1 and 1000")
	}
	return checkSpan(&s.since, &s.until)
}

// show is a command that asks once and prints the answer.
func show[M proto.Message](
	p *program, cmd *cobra.Command, s *rowsShown, ask func(context.Context, *client, string) (M, error),
	view func(M) any, text func(M) error,
) *cobra.Command {
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := s.check(); err != nil {
			return err
		}
		account := ""
		if len(args) == 1 {
			account = args[0]
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			answer, err := ask(ctx, c, account)
			switch {
			case err != nil:
				return err
			case r.asJSON:
				return p.writeJSON(view(answer))
			}
			return text(answer)
		})
	}
	return cmd
}

func (p *program) showPortfolioCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "portfolio [NAME]", Short: "What accounts hold, valued in USDT", Args: atMostOne,
		Long: "Show what an account, or every one, holds, valued in USDT by the last spot prices of its own market. What has no price\n" +
			"is listed and never counted as zero.\n\nWith --json: {read_at, accounts: [{account, value_usdt, net_value_usdt, unpriced,\n" +
			"complete, stale, as_of, holdings_as_of, prices_as_of, holdings: [{wallet, asset, total, price, value_usdt, net,\n" +
			"net_value_usdt, borrowed, exchange_usd_value, price_source, price_as_of, unpriced_reason}]}]}",
		Example: "  alphapulse show portfolio\n  alphapulse show portfolio main --json",
	}
	return show(p, cmd, &rowsShown{},
		func(ctx context.Context, c *client, account string) (*controlv1.GetPortfolioResponse, error) {
			return c.GetPortfolio(ctx, &controlv1.GetPortfolioRequest{Account: account})
		},
		func(res *controlv1.GetPortfolioResponse) any { return viewPortfolio(res) }, p.printPortfolio)
}

func (p *program) showBalancesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "balances NAME", Short: "Balances of every wallet", Args: accountArgument(),
		Long: "Show the balances of an account.\n\nWith --json: {state, balances: [{wallet, asset, total, available, locked, borrowed,\n" +
			"equity, usd_value, as_of}]}\n" + stateHelp,
		Example: "  alphapulse show balances main\n  alphapulse show balances main --wallet unified --at 2026-01-31T08:00:00Z",
	}
	s := &rowsShown{}
	s.addAt(cmd)
	cmd.Flags().StringVar(&s.wallet, "wallet", "", "only of this wallet: unified, contract, spot or fund")
	return show(p, cmd, s,
		func(ctx context.Context, c *client, account string) (*controlv1.ListBalancesResponse, error) {
			return c.ListBalances(ctx, &controlv1.ListBalancesRequest{Account: account, At: s.at.stamp(), Wallet: s.wallet})
		},
		func(res *controlv1.ListBalancesResponse) any { return viewBalances(res) }, p.printBalances)
}

func (p *program) showPositionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "positions NAME", Short: "Open positions", Args: accountArgument(),
		Long: "Show the positions of an account.\n\nWith --json: {state, positions: [{category, symbol, position_idx, side, size,\n" +
			"entry_price, mark_price, leverage, liquidation_price, unrealized_pnl, realized_pnl, initial_margin,\n" +
			"maintenance_margin, settle_asset, as_of}]}\n" + stateHelp,
		Example: "  alphapulse show positions main --category linear\n  alphapulse show positions main --at 2026-01-31",
	}
	s := &rowsShown{}
	s.addAt(cmd)
	s.addSymbol(cmd)
	return show(p, cmd, s,
		func(ctx context.Context, c *client, account string) (*controlv1.ListPositionsResponse, error) {
			return c.ListPositions(ctx, &controlv1.ListPositionsRequest{
				Account: account, At: s.at.stamp(), Category: s.category, Symbol: s.symbol,
			})
		},
		func(res *controlv1.ListPositionsResponse) any { return viewPositions(res) }, p.printPositions)
}

func (p *program) showOrdersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "orders NAME", Short: "Orders, the newest first", Args: accountArgument(),
		Long: "Show orders of an account, the newest first.\n\nWith --json: {state, orders: [{category, order_id, client_order_id,\n" +
			"symbol, side, order_type, time_in_force, status, exchange_status, price, quantity, filled_quantity, average_price,\n" +
			"fees, reduce_only, trigger_price, created_at, updated_at, as_of}], next_page_token}\n" + stateHelp,
		Example: "  alphapulse show orders main --status open,partially_filled\n  alphapulse show orders main --symbol BTCUSDT --since 2026-01-01",
	}
	s := &rowsShown{}
	var statuses string
	s.addAt(cmd)
	s.addSymbol(cmd)
	s.addPage(cmd, "created")
	cmd.Flags().StringVar(&statuses, "status", "", "only of these, separated by commas: untriggered, open, partially_filled, filled, "+
		"cancelled, rejected, expired, cancelled_inferred, unknown")
	return show(p, cmd, s,
		func(ctx context.Context, c *client, account string) (*controlv1.ListOrdersResponse, error) {
			request := &controlv1.ListOrdersRequest{
				Account: account, At: s.at.stamp(), Category: s.category, Symbol: s.symbol, Since: s.since.stamp(),
				Until: s.until.stamp(), PageSize: s.limit, PageToken: s.page,
			}
			if statuses != "" {
				request.Statuses = strings.Split(statuses, ",")
			}
			return c.ListOrders(ctx, request)
		},
		func(res *controlv1.ListOrdersResponse) any { return viewOrders(res) }, p.printOrders)
}

func (p *program) showFillsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "fills NAME", Short: "Executions, the newest first", Args: accountArgument(),
		Long: "Show executions of an account, funding among them, the newest first. A fee above zero was paid.\n\n" +
			"With --json: {state, fills: [{category, exec_id, order_id, symbol, side, exec_type, price, quantity, value, fee,\n" +
			"fee_asset, fee_rate, is_maker, executed_at}], next_page_token}\n" + stateHelp,
		Example: "  alphapulse show fills main --symbol BTCUSDT --since 2026-01-01\n  alphapulse show fills main --order 1523347…",
	}
	s := &rowsShown{}
	var order string
	s.addSymbol(cmd)
	s.addPage(cmd, "executed")
	cmd.Flags().StringVar(&order, "order", "", "only of this order")
	return show(p, cmd, s,
		func(ctx context.Context, c *client, account string) (*controlv1.ListFillsResponse, error) {
			return c.ListFills(ctx, &controlv1.ListFillsRequest{
				Account: account, Category: s.category, Symbol: s.symbol, OrderId: order, Since: s.since.stamp(),
				Until: s.until.stamp(), PageSize: s.limit, PageToken: s.page,
			})
		},
		func(res *controlv1.ListFillsResponse) any { return viewFills(res) }, p.printFills)
}

func (p *program) showPricesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "prices NAME", Short: "Prices of an account's market", Args: accountArgument(),
		Long: "Show the prices of the market that an account is on. Of the past there are those of symbols that were held, ordered or\n" +
			"configured, one a minute at most, for 30 days.\n\nWith --json: {state, prices: [{category, symbol, last, bid, ask, mark,\n" +
			"index, volume_24h, funding_rate, as_of}]}\n" + stateHelp,
		Example: "  alphapulse show prices main --category linear --symbol BTCUSDT,ETHUSDT",
	}
	s := &rowsShown{}
	s.addAt(cmd)
	s.addSymbol(cmd)
	return show(p, cmd, s,
		func(ctx context.Context, c *client, account string) (*controlv1.ListPricesResponse, error) {
			request := &controlv1.ListPricesRequest{Account: account, Category: s.category, At: s.at.stamp()}
			if s.symbol != "" {
				request.Symbols = strings.Split(s.symbol, ",")
			}
			return c.ListPrices(ctx, request)
		},
		func(res *controlv1.ListPricesResponse) any { return viewPrices(res) }, p.printPrices)
}

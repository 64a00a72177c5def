package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const candleHelp = `{exchange, environment, base_url, category, symbol, interval, since, created_at, bars, first_bar_at, last_bar_at}`

// candlesCommand is `alphapulse candles`.
func (p *program) candlesCommand() *cobra.Command {
	return group("candles", "Choose the candle series that are stored",
		"Choose the candle series that are stored. A series is a category, symbol and interval of a market; it needs no\n"+
			"key, and only bars that are final are stored.",
		p.candlesAddCommand(), p.candlesListCommand(), p.candlesRemoveCommand())
}

// marketFlags choose a market: by an account on it, or by itself.
type marketFlags struct{ choice controlv1.MarketChoice }

func (m *marketFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&m.choice.Account, "account", "", "the market of this account")
	flags.StringVar(&m.choice.Exchange, "exchange", "", "instead of --account: the exchange, such as bybit")
	flags.StringVar(&m.choice.Environment, "env", "", "with --exchange: its environment, such as mainnet, testnet, demo")
	flags.StringVar(&m.choice.BaseUrl, "base-url", "", "with --exchange: its address, if not the environment's usual one")
	flags.BoolVar(&m.choice.StandIn, "stand-in", false, "--base-url is a stand-in exchange: allow http to any host")
}

func (m *marketFlags) check() error {
	if (m.choice.GetAccount() == "") == (m.choice.GetExchange() == "") {
		return usageError("say whose candles: --account NAME, or --exchange bybit --env mainnet")
	}
	if m.choice.GetAccount() == "" && m.choice.GetEnvironment() == "" {
		return usageError("--env is required with --exchange, as in --exchange bybit --env mainnet")
	}
	return nil
}

// series reads CATEGORY/SYMBOL.
func series(argument string) (category, symbol string, err error) {
	category, symbol, ok := strings.Cut(argument, "/")
	if !ok || category == "" || symbol == "" {
		return "", "", usageError("%q is no series: give a category and a symbol, such as linear/BTCUSDT", argument)
	}
	return category, symbol, nil
}

func (p *program) candlesAddCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add CATEGORY/SYMBOL --interval 60", Short: "Store a candle series",
		Long: "Store a candle series, from --since on. Adding it again with an earlier --since reads the earlier bars too.\n\n" +
			"DATE is " + dateHelp + ".\n\nWith --json: " + candleHelp,
		Example: `  alphapulse candles add linear/BTCUSDT --interval 60 --account main
  alphapulse candles add spot/ETHUSDT --interval D --since 2024-01-01 --exchange bybit --env mainnet`,
		Args: exactly(1, "a series such as linear/BTCUSDT"),
	}
	r, market := p.remote(cmd), &marketFlags{}
	var since dateFlag
	var interval string
	market.add(cmd)
	cmd.Flags().StringVar(&interval, "interval", "", "the length of a bar: minutes (1, 3, 5, 15, 30, 60, 120, 240, 360, 720) or D, W, M (required)")
	cmd.Flags().Var(&since, "since", "from when on (default 30 days ago)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		category, symbol, err := series(args[0])
		if err != nil {
			return err
		}
		if interval == "" {
			return usageError("--interval is required, as in: alphapulse candles add %s --interval 60", args[0])
		}
		if err := market.check(); err != nil {
			return err
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.AddCandleSeries(ctx, &controlv1.AddCandleSeriesRequest{
				Market: &market.choice, Category: category, Symbol: symbol, Interval: interval, Since: since.stamp(),
			})
			if err != nil {
				return err
			}
			return r.oneSeries(res.GetSeries(), "is stored from "+moment(res.GetSeries().GetSince())+" on")
		})
	}
	return cmd
}

func (p *program) candlesListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the series that are stored", Args: noArguments,
		Long:    "List the candle series that are stored, and how far.\n\nWith --json: {series: [" + candleHelp + "]}",
		Example: "  alphapulse candles list\n  alphapulse candles list --account main",
	}
	r := p.remote(cmd)
	var account string
	cmd.Flags().StringVar(&account, "account", "", "only those of this account's market")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.ListCandleSeries(ctx, &controlv1.ListCandleSeriesRequest{Account: account})
			if err != nil {
				return err
			}
			return r.listSeries(res.GetSeries())
		})
	}
	return cmd
}

func (p *program) candlesRemoveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove CATEGORY/SYMBOL --interval 60", Short: "Stop storing a series",
		Long:    "Stop storing a candle series. The bars that are stored stay.\n\nWith --json: " + candleHelp,
		Example: "  alphapulse candles remove linear/BTCUSDT --interval 60 --account main",
		Args:    exactly(1, "a series such as linear/BTCUSDT"),
	}
	r, market := p.remote(cmd), &marketFlags{}
	var interval string
	market.add(cmd)
	cmd.Flags().StringVar(&interval, "interval", "", "the length of its bars (required)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		category, symbol, err := series(args[0])
		if err != nil {
			return err
		}
		if interval == "" {
			return usageError("--interval is required, as in: alphapulse candles remove %s --interval 60", args[0])
		}
		if err := market.check(); err != nil {
			return err
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.RemoveCandleSeries(ctx, &controlv1.RemoveCandleSeriesRequest{
				Market: &market.choice, Category: category, Symbol: symbol, Interval: interval,
			})
			if err != nil {
				return err
			}
			return r.oneSeries(res.GetSeries(), "is not stored any longer; its bars stay")
		})
	}
	return cmd
}

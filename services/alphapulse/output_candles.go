package main

import (
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// seriesView is a candle series in JSON.
type seriesView struct {
	Exchange    string     `json:"exchange"`
	Environment string     `json:"environment"`
	BaseURL     string     `json:"base_url"`
	Category    string     `json:"category"`
	Symbol      string     `json:"symbol"`
	Interval    string     `json:"interval"`
	Since       *time.Time `json:"since"`
	CreatedAt   *time.Time `json:"created_at"`
	Bars        int64      `json:"bars"`
	FirstBarAt  *time.Time `json:"first_bar_at"`
	LastBarAt   *time.Time `json:"last_bar_at"`
}

func viewSeries(s *controlv1.CandleSeries) seriesView {
	return seriesView{
		Exchange: s.GetExchange(), Environment: s.GetEnvironment(), BaseURL: s.GetBaseUrl(), Category: s.GetCategory(),
		Symbol: s.GetSymbol(), Interval: s.GetInterval(), Since: instant(s.GetSince()), CreatedAt: instant(s.GetCreatedAt()),
		Bars: s.GetBars(), FirstBarAt: instant(s.GetFirstBarAt()), LastBarAt: instant(s.GetLastBarAt()),
	}
}

// seriesName is how a series is named: "linear/BTCUSDT 60".
func seriesName(s *controlv1.CandleSeries) string {
	return plain(s.GetCategory() + "/" + s.GetSymbol() + " " + s.GetInterval())
}

func (r *remote) oneSeries(s *controlv1.CandleSeries, became string) error {
	if r.asJSON {
		return r.program.writeJSON(viewSeries(s))
	}
	r.program.say("%s of %s %s %s.", seriesName(s), s.GetExchange(), s.GetEnvironment(), became)
	return nil
}

func (r *remote) listSeries(list []*controlv1.CandleSeries) error {
	p := r.program
	if r.asJSON {
		views := []seriesView{}
		for _, s := range list {
			views = append(views, viewSeries(s))
		}
		return p.writeJSON(struct {
			Series []seriesView `json:"series"`
		}{views})
	}
	if len(list) == 0 {
		p.say("No candles are stored. Add a series: alphapulse candles add linear/BTCUSDT --interval 60 --account main")
		return nil
	}
	t := newTable(p.stdout, "EXCHANGE", "ENV", "SERIES", "INTERVAL", "SINCE", "BARS", "FIRST", "LAST")
	for _, s := range list {
		t.row(s.GetExchange(), s.GetEnvironment(), s.GetCategory()+"/"+s.GetSymbol(), s.GetInterval(), moment(s.GetSince()),
			count(s.GetBars()), moment(s.GetFirstBarAt()), moment(s.GetLastBarAt()))
	}
	return t.end()
}

package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/alphapulse/alphapulse/services/alphapulse/bench"
)

// showBench prints every figure of every scenario in one table.
func (p *program) showBench(report bench.Report) error {
	t := newTable(p.stdout, "SCENARIO", "FIGURE", "OF", "VALUE", "GOAL")
	for _, scenario := range bench.Scenarios() {
		for _, figure := range report[scenario].Figures {
			t.row(string(scenario), strings.ReplaceAll(figure.Name, "_", " "), orDash(figure.Process),
				benchValue(figure.Value, figure.Unit), benchGoal(figure))
		}
	}
	return t.end()
}

// benchValue is a figure for people.
func benchValue(value float64, unit string) string {
	switch {
	case unit == "":
		return fmt.Sprintf("%.2f", value)
	case unit == "share":
		return fmt.Sprintf("%.0f %%", 100*value)
	case unit == "B" && value >= 1e6:
		return fmt.Sprintf("%.1f MB", value/1e6)
	case math.Abs(value) >= 100:
		return count(int64(math.Round(value))) + " " + unit
	default:
		return fmt.Sprintf("%.3g %s", value, unit)
	}
}

func benchGoal(figure bench.Figure) string {
	goal := figure.Goal
	if goal == nil {
		return ""
	}
	text := ""
	switch {
	case goal.AtLeast != nil:
		text = "at least " + benchValue(*goal.AtLeast, figure.Unit)
	case goal.AtMost != nil:
		text = "at most " + benchValue(*goal.AtMost, figure.Unit)
	}
	if goal.Met {
		return text + ": met"
	}
	return text + ": missed"
}

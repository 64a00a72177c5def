package main

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const (
	// plainWidth is how wide a picture is where nobody says how much room there is.
	plainWidth = 80
	minBar     = 10
	// maxListed bounds the missing intervals that are listed of one scope.
	maxListed = 100
)

// width is how many characters fit on a line of the terminal.
func (p *program) width() int {
	if file, ok := p.stdout.(*os.File); ok && isTerminal(file) {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return plainWidth
}

// printCoverage shows coverage to a person: the picture, then what is missing,
// out of reach and unreadable, in words.
func (p *program) printCoverage(name string, res *controlv1.GetCoverageResponse, width int) {
	p.say("Histories of %s as of %s", plain(name), moment(res.GetReadAt()))
	if len(res.GetScopes()) == 0 {
		p.say("Nothing was read yet. Next: alphapulse sync %s --type orders,fills,ledger,closed_pnl --wait", plain(name))
		return
	}
	p.say("")
	for _, line := range drawCoverage(res, width) {
		p.say("%s", line)
	}
	for _, line := range coverageRemarks(name, res.GetScopes()) {
		p.say("%s", line)
	}
}

// drawCoverage gives the picture, line by line, none wider than width. All bars
// have the same ends, so that scopes can be compared.
func drawCoverage(res *controlv1.GetCoverageResponse, width int) []string {
	labels := 0
	for _, s := range res.GetScopes() {
		labels = max(labels, utf8.RuneCountInString(scopeLabel(s)))
	}
	ends := len("  ") + labels + len(" 2006-01-02 ") + len(" 2006-01-02")
	axis := axisOf(res, max(width-ends, minBar))
	var lines []string
	last := ""
	for _, s := range res.GetScopes() {
		if s.GetDataType() != last {
			last = s.GetDataType()
			lines = append(lines, last)
		}
		label := scopeLabel(s)
		label += strings.Repeat(" ", labels-utf8.RuneCountInString(label))
		lines = append(lines, fmt.Sprintf("  %s %s %s %s", label, axis.from.Format(time.DateOnly), axis.bar(s),
			axis.to.Format(time.DateOnly)))
	}
	return append(lines, "", fmt.Sprintf("  %c covered   %c missing   %c out of reach   blank: not asked for",
		coveredCell, missingCell, unreachedCell), "")
}

// scopeLabel is how a scope is named beside its data type.
func scopeLabel(s *controlv1.ScopeCoverage) string {
	if s.GetScope() != "" {
		return plain(s.GetScope())
	}
	return plain(s.GetCategory())
}

// coverageRemarks are the sentences below the picture.
func coverageRemarks(name string, scopes []*controlv1.ScopeCoverage) []string {
	var lines []string
	var missing *controlv1.Interval // from the first to the last
	types := []string{}
	for _, s := range scopes {
		label := s.GetDataType() + " " + scopeLabel(s)
		for i, gap := range s.GetMissing() {
			missing = widen(missing, gap)
			if i == maxListed {
				lines = append(lines, fmt.Sprintf("missing       %s: and %s more, which --json lists", label,
					number(len(s.GetMissing())-i, "interval")))
			}
			if i < maxListed {
				lines = append(lines, fmt.Sprintf("missing       %s: %s", label, sayInterval(gap)))
			}
		}
		if len(s.GetMissing()) > 0 && (len(types) == 0 || types[len(types)-1] != s.GetDataType()) {
			types = append(types, s.GetDataType())
		}
	}
	for _, s := range scopes {
		label := s.GetDataType() + " " + scopeLabel(s)
		if s.GetUnreadable() != "" {
			lines = append(lines, fmt.Sprintf("not readable  %s: %s", label, plain(s.GetUnreadable())))
		}
		if s.GetHorizon() != nil {
			lines = append(lines, fmt.Sprintf("out of reach  %s: the exchange serves nothing before %s", label, moment(s.GetHorizon())))
		}
	}
	if missing == nil {
		return append(lines, "Nothing is missing of what was asked for and can be read.")
	}
	return append(lines, fmt.Sprintf("Next: alphapulse backfill %s --type %s --since %s", plain(name),
		strings.Join(types, ","), day(missing.GetFrom())))
}

func widen(all, one *controlv1.Interval) *controlv1.Interval {
	if all == nil {
		return &controlv1.Interval{From: one.GetFrom(), To: one.GetTo()}
	}
	if one.GetFrom().AsTime().Before(all.GetFrom().AsTime()) {
		all.From = one.GetFrom()
	}
	if one.GetTo().AsTime().After(all.GetTo().AsTime()) {
		all.To = one.GetTo()
	}
	return all
}

func sayInterval(i *controlv1.Interval) string {
	return fmt.Sprintf("%s to %s (%s)", moment(i.GetFrom()), moment(i.GetTo()), span(lengthOf(i)))
}

func lengthOf(i *controlv1.Interval) time.Duration {
	return i.GetTo().AsTime().Sub(i.GetFrom().AsTime())
}

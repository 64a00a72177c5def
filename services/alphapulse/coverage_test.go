package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

// date is midnight UTC so many days after the fifth of January 2026.
func date(n int) *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, 1, 5+n, 0, 0, 0, 0, time.UTC))
}

func spans(days ...int) []*controlv1.Interval {
	var list []*controlv1.Interval
	for i := 0; i < len(days); i += 2 {
		list = append(list, &controlv1.Interval{From: date(days[i]), To: date(days[i+1])})
	}
	return list
}

// One cell is a day.
func TestABarOfCoverage(t *testing.T) {
	t.Parallel()
	a := axis{from: date(0).AsTime(), to: date(10).AsTime(), cells: 10}
	for want, scope := range map[string]*controlv1.ScopeCoverage{
		"██████████": {Covered: spans(0, 10)},
		"··████████": {Covered: spans(2, 10), Horizon: date(2)},
		"  ██░███░░": {Covered: spans(2, 4, 5, 8), Missing: spans(4, 5, 8, 10)},
		"··········": {Unreadable: "permission: may not"},
		"          ": {},
	} {
		require.Equal(t, want, a.bar(scope))
	}
	second := &controlv1.Interval{
		From: timestamppb.New(date(5).AsTime().Add(time.Hour)), To: timestamppb.New(date(5).AsTime().Add(time.Hour + time.Second)),
	}
	require.Equal(t, "█████░████", a.bar(&controlv1.ScopeCoverage{Covered: spans(0, 10), Missing: []*controlv1.Interval{second}}),
		"a hole of a second shows")
}

func TestThePictureFitsTheLine(t *testing.T) {
	t.Parallel()
	res := &controlv1.GetCoverageResponse{ReadAt: date(360), Scopes: []*controlv1.ScopeCoverage{
		{DataType: "orders", Category: "linear", Scope: "linear", Covered: spans(0, 360), Horizon: date(0)},
		{DataType: "orders", Category: "spot", Scope: "spot", Covered: spans(300, 360), Missing: spans(0, 300)},
		{DataType: "ledger", Category: "transaction_log", Scope: "transaction_log", Unreadable: "permission: may not"},
	}}
	for _, width := range []int{80, 132} {
		lines := drawCoverage(res, width)
		require.Equal(t, "orders", lines[0])
		require.Contains(t, lines[1], "2026-12-31", "both ends have dates")
		for _, line := range lines {
			require.LessOrEqual(t, utf8.RuneCountInString(line), width, line)
		}
		require.Equal(t, width, utf8.RuneCountInString(lines[1]))
	}
	text := strings.Join(drawCoverage(res, 80), "\n")
	require.Contains(t, text, "█ covered   ░ missing   · out of reach")
	require.Contains(t, strings.Split(text, "\n")[1], "·█", "what lies beyond the horizon shows")
	require.NotEmpty(t, drawCoverage(res, 1), "on a terminal that is too narrow too")
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	account := s.Add(t, "main")
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "coverage", "main").stdout, "Nothing was read yet")
	s.Exec(t, `
INSERT INTO alphapulse.sync_coverage (account_id, data_type, scope, covered, horizon, unreadable) VALUES
  ($1, 'orders', 'linear', '{[2026-01-05Z,2026-01-07Z),[2026-01-08Z,2036-01-01Z)}', '2026-01-01Z', NULL),
  ($1, 'orders', 'option', '{}', NULL, E'permission:\nmay not'),
  ($1, 'fills', 'spot', '{[2026-01-05Z,2036-01-01Z)}', NULL, NULL)`, account.ID)

	out := sh.ok(t, "coverage", "main").stdout
	for _, words := range []string{
		"Histories of main as of", "orders\n  linear", "fills\n  spot",
		"missing       orders linear: 2026-01-07 00:00:00 UTC to 2026-01-08 00:00:00 UTC (1d00h)",
		"not readable  orders option: permission: may not",
		"out of reach  orders linear: the exchange serves nothing before 2026-01-01 00:00:00 UTC",
		"Next: alphapulse backfill main --type orders --since 2026-01-07",
	} {
		require.Contains(t, out, words)
	}
	view := decode[coverageView](t, sh.ok(t, "coverage", "main", "--type", "orders", "--json"))
	require.Len(t, view.Scopes, 2)
	linear := view.Scopes[0]
	require.Equal(t, "linear", linear.Category)
	require.Equal(t, [][2]time.Time{{date(2).AsTime(), date(3).AsTime()}}, linear.Missing)
	require.Len(t, linear.Covered, 2)
	require.Equal(t, date(-4).AsTime(), *linear.Horizon)
	require.Nil(t, view.Scopes[1].Horizon)
	raw := sh.ok(t, "coverage", "main", "--json").stdout
	require.Contains(t, raw, `"2026-01-07T00:00:00Z"`)
	require.Contains(t, raw, `"missing": []`, "an empty list, never null")

	require.Contains(t, sh.ok(t, "coverage", "main", "--type", "fills").stdout, "Nothing is missing")
	out = sh.run(t, "coverage", "main", "--type", "prices").stderr
	require.Contains(t, out, "prices has no history")
	require.Equal(t, exitFailure, sh.run(t, "coverage", "nobody").code)
}

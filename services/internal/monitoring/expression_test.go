package monitoring_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/monitoring"
)

func TestParse(t *testing.T) {
	t.Parallel()
	one := func(name string, matchers ...monitoring.Matcher) monitoring.Selector {
		return monitoring.Selector{Metric: name, Matchers: matchers}
	}
	for text, want := range map[string]monitoring.Expression{
		`a`: {Selectors: []monitoring.Selector{one("a")}},
		`rate(a_total{x="1", y=~"b|c"}[5m]) * 60 > 1e3`: {Selectors: []monitoring.Selector{
			one("a_total", monitoring.Matcher{Label: "x", Op: "=", Value: "1"}, monitoring.Matcher{Label: "y", Op: "=~", Value: "b|c"}),
		}},
		`sum by (x, y) (a) / on (x) group_left max without (z) (b)`: {
			Selectors: []monitoring.Selector{one("a"), one("b")}, Grouped: []string{"x", "y", "x", "z"},
		},
		`sum(a) by (x) unless bool_b`: {Selectors: []monitoring.Selector{one("a"), one("bool_b")}, Grouped: []string{"x"}},
		`a{x="}\"[", y!='z'} offset 5m and b or on () vector(0)`: {Selectors: []monitoring.Selector{
			one("a", monitoring.Matcher{Label: "x", Op: "=", Value: `}\"[`}, monitoring.Matcher{Label: "y", Op: "!=", Value: "z"}), one("b"),
		}},
		`absent({__name__="a"})`:                   {Selectors: []monitoring.Selector{one("", monitoring.Matcher{Label: "__name__", Op: "=", Value: "a"})}},
		`label_replace(a, "x", "$1", "y", "(.*)")`: {Selectors: []monitoring.Selector{one("a")}},
		`time() - max(a{x="1",})`:                  {Selectors: []monitoring.Selector{one("a", monitoring.Matcher{Label: "x", Op: "=", Value: "1"})}},
		`a{x`:                                      {Selectors: []monitoring.Selector{one("a")}},
	} {
		require.Equal(t, want, monitoring.Parse(text), text)
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	const rule = `
      - alert: A
        expr: increase(a[5m]) > 30 and b[1h] and c > 300
        for: 30s
        annotations: {summary: 'for: 5m'}
`
	short, err := monitoring.Shorten(rule, 30)
	require.NoError(t, err)
	require.Equal(t, `
      - alert: A
        expr: increase(a[10000ms]) > 30 and b[120000ms] and c > 300
        for: 1000ms
        annotations: {summary: 'for: 5m'}
`, short)
	_, err = monitoring.Shorten(rule, 100_000)
	require.ErrorContains(t, err, "30s")
}

func secs(n int) time.Duration { return time.Duration(n) * time.Second }

func TestProves(t *testing.T) {
	t.Parallel()
	test := func(cases ...monitoring.Case) monitoring.RuleTest { return monitoring.RuleTest{Cases: cases} }
	quiet := func(at int) monitoring.Case { return monitoring.Case{Alert: "A", At: secs(at)} }
	fires := func(at int) monitoring.Case { return monitoring.Case{Alert: "A", At: secs(at), Fires: true} }
	require.True(t, test(quiet(1), fires(2), quiet(3)).Proves("A"))
	require.True(t, test(quiet(1), quiet(2), fires(3), fires(4), quiet(5)).Proves("A"))
	for name, r := range map[string]monitoring.RuleTest{
		"nothing": test(), "it never fires": test(quiet(1), quiet(2)), "it never waits": test(fires(1), quiet(2)),
		"it never resolves": test(quiet(1), fires(2)), "backwards": test(quiet(3), fires(2), quiet(1)),
		"another": test(monitoring.Case{Alert: "B", At: secs(1)}, fires(2), quiet(3)),
	} {
		require.False(t, r.Proves("A"), name)
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	const expr = `rate(a{x=~"$x", y=~"${y:regex}"}[$__rate_interval])`
	require.Equal(t, []string{"x", "y"}, monitoring.Variables(expr))
	require.Equal(t, `rate(a{x=~".*", y=~".*"}[10s])`, monitoring.Fill(expr, "10s"))
	require.Equal(t, []string{"x", "y"}, monitoring.Target{Legend: "{{x}} of {{ y }}"}.LegendLabels())
}

package monitoring

import (
	"regexp"
	"slices"
	"strings"
)

// Selector is one `metric{label="value"}` of an expression.
type Selector struct {
	Metric   string
	Matchers []Matcher
}

// Matcher is one condition of a selector.
type Matcher struct{ Label, Op, Value string }

// Expression is what an expression of PromQL names. It is read loosely: whether
// it is PromQL at all, Prometheus says.
type Expression struct {
	Selectors []Selector
	// Grouped are the labels of by, without, on, ignoring and group_….
	Grouped []string
}

// keywords stand where a metric could stand too.
func keywords() []string {
	return []string{"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "Inf", "NaN"}
}

// modifiers are followed by a list of labels.
func modifiers() []string {
	return []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
}

// aggregators may be followed by a modifier instead of a parenthesis.
func aggregators() []string {
	return []string{
		"sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values",
	}
}

// Parse reads an expression.
func Parse(text string) Expression {
	var e Expression
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		switch first := text[0]; {
		case first == '"' || first == '\'' || first == '`':
			_, text = quoted(text)
		case first == '[':
			_, text, _ = strings.Cut(text, "]")
		case first == '{':
			text = e.selector("", text)
		case first >= '0' && first <= '9':
			text = text[len(numbers().FindString(text)):]
		case names().MatchString(text):
			name := names().FindString(text)
			text = e.name(name, strings.TrimSpace(text[len(name):]))
		default:
			text = text[1:]
		}
	}
	return e
}

func names() *regexp.Regexp   { return regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*`) }
func numbers() *regexp.Regexp { return regexp.MustCompile(`^[0-9][0-9a-zA-Z.]*`) }

// name is told a name and what follows it.
func (e *Expression) name(name, rest string) string {
	switch {
	case slices.Contains(modifiers(), name) && strings.HasPrefix(rest, "("):
		list, after, _ := strings.Cut(rest[1:], ")")
		for label := range strings.SplitSeq(list, ",") {
			if label = strings.TrimSpace(label); label != "" {
				e.Grouped = append(e.Grouped, label)
			}
		}
		return after
	case slices.Contains(modifiers(), name), slices.Contains(keywords(), name), slices.Contains(aggregators(), name),
		strings.HasPrefix(rest, "("): // a function
		return rest
	case strings.HasPrefix(rest, "{"):
		return e.selector(name, rest)
	default:
		e.Selectors = append(e.Selectors, Selector{Metric: name})
		return rest
	}
}

// selector reads `{label="value", …}` and gives what follows.
func (e *Expression) selector(name, text string) string {
	s := Selector{Metric: name}
	text = strings.TrimSpace(text[1:])
	for text != "" && text[0] != '}' {
		label := names().FindString(text)
		rest := strings.TrimSpace(text[len(label):])
		op := regexp.MustCompile(`^(=~|!~|!=|=)`).FindString(rest)
		if label == "" || op == "" {
			text = "" // it is no PromQL
			break
		}
		var value string
		value, text = quoted(strings.TrimSpace(rest[len(op):]))
		s.Matchers = append(s.Matchers, Matcher{label, op, value})
		text = strings.TrimLeft(text, " \t\n,")
	}
	e.Selectors = append(e.Selectors, s)
	return strings.TrimPrefix(text, "}")
}

// quoted reads a string and gives what follows it.
func quoted(text string) (value, rest string) {
	if text == "" {
		return "", ""
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[0] != '`':
			i++
		case text[i] == text[0]:
			return text[1:i], text[i+1:]
		}
	}
	return text[1:], ""
}

package monitoring

import (
	"fmt"
	"time"
)

// RuleTest is one test of promtool, as far as it concerns alerts.
type RuleTest struct {
	File, Name string
	Cases      []Case
}

// Case is what a test expects of an alert at a time.
type Case struct {
	Alert string
	At    time.Duration
	Fires bool
}

// ReadRuleTests reads the files of a pattern.
func ReadRuleTests(pattern string) ([]RuleTest, error) {
	type file struct {
		RuleFiles          []string `yaml:"rule_files"`
		EvaluationInterval string   `yaml:"evaluation_interval"`
		Tests              []struct {
			Name        string `yaml:"name"`
			Interval    string `yaml:"interval"`
			InputSeries []struct {
				Series string `yaml:"series"`
				Values string `yaml:"values"`
			} `yaml:"input_series"`
			AlertRuleTest []struct {
				AlertName string           `yaml:"alertname"`
				EvalTime  string           `yaml:"eval_time"`
				ExpAlerts []map[string]any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		} `yaml:"tests"`
	}
	var all []RuleTest
	var failed error
	err := eachFile(pattern, func(path string, f file) {
		for _, test := range f.Tests {
			read := RuleTest{File: path, Name: test.Name}
			for _, one := range test.AlertRuleTest {
				at, err := time.ParseDuration(one.EvalTime)
				if err != nil {
					failed = fmt.Errorf("%s: %s: %w", path, test.Name, err)
				}
				read.Cases = append(read.Cases, Case{Alert: one.AlertName, At: at, Fires: len(one.ExpAlerts) > 0})
			}
			all = append(all, read)
		}
	})
	if err == nil {
		err = failed
	}
	return all, err
}

// Proves reports whether the test shows an alert that does not fire, then fires,
// and then has resolved.
func (r RuleTest) Proves(alert string) bool {
	const waits, fires = 1, 2
	state, last := 0, time.Duration(-1)
	for _, c := range r.Cases {
		if c.Alert != alert {
			continue
		}
		if c.At <= last {
			return false // out of order: it would prove nothing
		}
		last = c.At
		switch {
		case state == 0 && !c.Fires:
			state = waits
		case state == waits && c.Fires:
			state = fires
		case state == fires && !c.Fires:
			return true
		}
	}
	return false
}

package monitoring

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Dashboard is one of Grafana's, as far as its tests look at it.
type Dashboard struct {
	File       string  `json:"-"`
	UID        string  `json:"uid"`
	Title      string  `json:"title"`
	Schema     int     `json:"schemaVersion"`
	Panels     []Panel `json:"panels"`
	Templating struct {
		List []Variable `json:"list"`
	} `json:"templating"`
}

// Variable is what its viewer chooses.
type Variable struct {
	Name       string     `json:"name"`
	Type       string     `json:"type"`
	Definition string     `json:"definition"`
	Source     Datasource `json:"datasource"`
	AllValue   string     `json:"allValue"`
}

// Datasource is where expressions are asked.
type Datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Panel is one chart.
type Panel struct {
	ID          int        `json:"id"`
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Source      Datasource `json:"datasource"`
	Grid        struct {
		X, Y, W, H int
	} `json:"gridPos"`
	Field struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Targets []Target `json:"targets"`
}

// Target is one expression of a panel.
type Target struct {
	Expr   string     `json:"expr"`
	Legend string     `json:"legendFormat"`
	Ref    string     `json:"refId"`
	Source Datasource `json:"datasource"`
}

// ReadDashboards reads the files of a pattern.
func ReadDashboards(pattern string) ([]Dashboard, error) {
	paths, err := filepath.Glob(pattern)
	if err == nil && len(paths) == 0 {
		err = errors.New("there is no such file")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pattern, err)
	}
	var all []Dashboard
	for _, path := range paths {
		text, err := os.ReadFile(path) //nolint:gosec // a file of the repository
		if err != nil {
			return nil, err
		}
		d := Dashboard{File: filepath.Base(path)}
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, d)
	}
	return all, nil
}

// Variables are those that an expression uses, without Grafana's own.
func Variables(expr string) []string {
	var used []string
	for _, match := range variable().FindAllStringSubmatch(expr, -1) {
		if name := match[1] + match[2]; !strings.HasPrefix(name, "__") {
			used = append(used, name)
		}
	}
	return used
}

func variable() *regexp.Regexp { return regexp.MustCompile(`\$(?:\{(\w+)[^}]*\}|(\w+))`) }

// Fill replaces the variables of an expression: Grafana's own intervals by a
// window, and those of the dashboard by everything.
func Fill(expr, window string) string {
	return variable().ReplaceAllStringFunc(expr, func(match string) string {
		if strings.Contains(match, "__") {
			return window
		}
		return ".*"
	})
}

// LegendLabels are the labels that a legend shows.
func (t Target) LegendLabels() []string {
	var labels []string
	for _, match := range regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`).FindAllStringSubmatch(t.Legend, -1) {
		labels = append(labels, match[1])
	}
	return labels
}

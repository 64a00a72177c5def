package guard

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed list/*.guards
var list embed.FS

// All reads the list: by file, and in each as it is written.
func All() ([]Guard, error) {
	names, err := fs.Glob(list, "list/*.guards")
	if err != nil {
		return nil, fmt.Errorf("listing the guards: %w", err)
	}
	var all []Guard
	known := map[string]bool{}
	for _, name := range names {
		text, err := fs.ReadFile(list, name)
		if err != nil {
			return nil, fmt.Errorf("reading the guards: %w", err)
		}
		guards, err := Parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, g := range guards {
			if known[g.Name] {
				return nil, fmt.Errorf("%s: there are two guards %s", name, g.Name)
			}
			known[g.Name] = true
		}
		all = append(all, guards...)
	}
	return all, nil
}

// Parse reads guards in the form of the package's comment. Lines that begin with
// # outside of a change are comments.
func Parse(text string) ([]Guard, error) {
	var guards []Guard
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		g, err := parseOne(paragraph)
		if err != nil {
			return nil, err
		}
		if g.Name == "" {
			continue
		}
		if err := g.check(); err != nil {
			return nil, err
		}
		guards = append(guards, g)
	}
	return guards, nil
}

func parseOne(paragraph string) (Guard, error) {
	var g Guard
	var changes changes
	for line := range strings.Lines(paragraph) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "":
		case strings.ContainsRune(" +-@", rune(line[0])):
			changes.add(line)
		case len(changes.hunks) > 0:
			return g, fmt.Errorf("guard %s: after the change: %q", g.Name, line)
		case line[0] == '#':
		default:
			if err := g.set(line); err != nil {
				return g, err
			}
		}
	}
	if g.Name == "" && len(changes.hunks) > 0 {
		return g, fmt.Errorf("a change without a guard: %q", changes.hunks[0].Old)
	}
	g.Hunks = changes.hunks
	return g, nil
}

// set reads a line that begins with what it says.
func (g *Guard) set(line string) error {
	key, value, _ := strings.Cut(line, " ")
	value = strings.TrimSpace(value)
	if value == "" {
		return fmt.Errorf("guard %s: nothing follows %q", g.Name, key)
	}
	switch key {
	case "guard":
		g.Name = value
	case "rule":
		g.Rules = append(g.Rules, value)
	case "without":
		g.Without = value
	case "file":
		g.File = value
	case "test":
		words := strings.Fields(value)
		if len(words) < 2 {
			return fmt.Errorf("guard %s: a package needs its tests: %q", g.Name, line)
		}
		for _, name := range words[1:] {
			g.Tests = append(g.Tests, Test{Package: words[0], Name: name})
		}
	default:
		return fmt.Errorf("guard %s: %q is not known", g.Name, key)
	}
	return nil
}

// changes collects the lines of hunks.
type changes struct {
	hunks []Hunk
	open  bool
}

func (c *changes) add(line string) {
	if line[0] == '@' {
		c.open = false
		return
	}
	if !c.open {
		c.hunks, c.open = append(c.hunks, Hunk{}), true
	}
	hunk := &c.hunks[len(c.hunks)-1]
	if line[0] != '+' {
		hunk.Old += line[1:] + "\n"
	}
	if line[0] != '-' {
		hunk.New += line[1:] + "\n"
	}
}

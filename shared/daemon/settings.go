package daemon

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// SettingsError is every mistake in the settings of a process that therefore
// did not start.
type SettingsError struct {
	Mistakes []string
}

// Error lists the mistakes, one a line when there are several.
func (e *SettingsError) Error() string {
	if len(e.Mistakes) == 1 {
		return "wrong setting: " + e.Mistakes[0]
	}

	return fmt.Sprintf("%d wrong settings:\n  - %s", len(e.Mistakes), strings.Join(e.Mistakes, "\n  - "))
}

// ExitCode is 2: wrong use.
func (e *SettingsError) ExitCode() int { return 2 }

// UnknownSettings notes as a mistake every variable that begins with prefix
// and that nobody has read or declared by Know: a misspelt setting would
// otherwise leave its default in force without a word. Call it last.
//
// In a Kubernetes pod the variables that describe services ("service links":
// ALPHAPULSE_API_SERVICE_HOST) share the prefix of a service named alphapulse;
// they are let pass there.
func (e *Env) UnknownSettings(prefix string) {
	var unknown []string

	for name := range e.values {
		if strings.HasPrefix(name, prefix) && !e.known[name] && !e.isServiceLink(name) {
			unknown = append(unknown, name)
		}
	}

	slices.Sort(unknown)

	for _, name := range unknown {
		if closest := e.closest(prefix, name); closest != "" {
			e.Mistake("%s is not a setting; did you mean %s?", name, closest)
		} else {
			e.Mistake("%s is not a setting", name)
		}
	}
}

func (e *Env) isServiceLink(name string) bool {
	if e.values["KUBERNETES_SERVICE_HOST"] == "" {
		return false
	}

	link := regexp.MustCompile(`_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`)

	return link.MatchString(name)
}

// closest is the known setting that the fewest edits lead to, "" when none is
// near enough to be what was meant: at most a third of what follows the
// prefix, so that ALPHAPULSE_X suggests nothing.
func (e *Env) closest(prefix, name string) string {
	best, fewest := "", 1+len(strings.TrimPrefix(name, prefix))/3

	for known := range e.known {
		if !strings.HasPrefix(known, prefix) {
			continue
		}

		edits := distance(name, known)
		if edits < fewest || (edits == fewest && (best == "" || known < best)) {
			best, fewest = known, edits
		}
	}

	return best
}

// distance is the Levenshtein distance: the edits of one byte between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for column := range row {
		row[column] = column
	}

	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1

		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}

			diagonal = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}

	return row[len(b)]
}

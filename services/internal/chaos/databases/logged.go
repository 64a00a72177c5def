package databases

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// logPrefix begins every line of a server's log: time, process, SQLSTATE and
// application_name.
const logPrefix = "%m [%p] %e <%a> "

// Logged counts the errors of a SQLSTATE that the server has reported, in all
// its lives, to applications whose name matches (nil: to anybody). One that is
// reported before the server knows its client's name, such as 53300, has none.
func (s *Server) Logged(code string, application *regexp.Regexp) (int, error) {
	file, err := os.Open(s.LogFile())
	if err != nil {
		return 0, fmt.Errorf("counting the errors of database %s: %w", s.cfg.Name, err)
	}
	defer file.Close()
	line := regexp.MustCompile(`^\S+ \S+ \S+ \[\d+\] ` + regexp.QuoteMeta(code) + ` <(.*?)> (ERROR|FATAL|PANIC): `)
	count := 0
	lines := bufio.NewReader(file)
	for {
		text, err := lines.ReadString('\n')
		match := line.FindStringSubmatch(text)
		if match != nil && (application == nil || application.MatchString(strings.TrimSpace(match[1]))) {
			count++
		}
		if err != nil {
			return count, nil // the end of the file
		}
	}
}

// LogFile is what the server writes in all its lives.
func (s *Server) LogFile() string { return s.proc.Log() }

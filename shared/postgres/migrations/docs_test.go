package migrations_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the documentation tells people to type works as it stands.
func TestTheStatementsOfTheDocumentationRun(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/history.md")
	require.NoError(t, err)
	b := newBook(t)
	b.hold()
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	comment := regexp.MustCompile("--.*")
	ran := 0
	for _, block := range blocks {
		for statement := range strings.SplitSeq(block[1], ";") {
			statement = comment.ReplaceAllString(statement, "")
			if strings.TrimSpace(statement) == "" {
				continue
			}
			_, err := b.db.Exec(t.Context(), statement)
			require.NoError(t, err, statement)
			ran++
		}
	}
	require.GreaterOrEqual(t, ran, 9)
}

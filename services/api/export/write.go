package export

import (
	"context"
	"fmt"
	"io"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// The formats.
const (
	CSV     = "csv"
	Parquet = "parquet"
)

// Write writes the rows of a table and returns how many there were. What is
// written before an error is of no use.
func Write(ctx context.Context, db *postgres.DB, t Table, r Rows, format string, out io.Writer) (int64, error) {
	switch format {
	case CSV:
		rows, err := db.CopyCSV(ctx, t.query(r), out)
		if err != nil {
			return 0, fmt.Errorf("exporting %s: %w", t.Name, err)
		}
		return rows, nil
	default:
		return writeParquet(ctx, db, t, r, out)
	}
}

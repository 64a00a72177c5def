package export

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// rowGroup is how many rows are held in memory before they are written.
const rowGroup = 50_000

// batch is how many rows are handed over at once.
const batch = 512

// parquetFile writes rows of text to a file.
type parquetFile struct {
	out     *parquet.GenericWriter[any]
	columns []column // in the file's order, which is that of the names
	buffer  []parquet.Row
	rows    int64
}

// column says where a column's text comes from and what it is.
type column struct {
	from  int
	name  string
	value func(text []byte) (parquet.Value, error)
}

func writeParquet(ctx context.Context, db *postgres.DB, t Table, r Rows, out io.Writer) (int64, error) {
	f := &parquetFile{}
	err := db.Stream(ctx, t.query(r), func(columns []postgres.Column) error {
		f.open(t.Name, columns, out)
		return nil
	}, f.add)
	if err == nil {
		err = f.close()
	}
	if err != nil {
		return 0, fmt.Errorf("exporting %s: %w", t.Name, err)
	}
	return f.rows, nil
}

// open makes the schema: every column may be NULL.
func (f *parquetFile) open(name string, columns []postgres.Column, out io.Writer) {
	group := parquet.Group{}
	for i, c := range columns {
		node, value := kind(c.OID)
		group[c.Name] = parquet.Compressed(parquet.Optional(node), &zstd.Codec{})
		f.columns = append(f.columns, column{from: i, name: c.Name, value: value})
	}
	slices.SortFunc(f.columns, func(a, b column) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	f.out = parquet.NewGenericWriter[any](out, parquet.NewSchema(name, group), parquet.MaxRowsPerRowGroup(rowGroup),
		parquet.CreatedBy("alphapulse", "", ""))
}

// kind is how a type of Postgres is stored. Numerics, JSON, identifiers and
// ranges are text: exact, and readable everywhere.
func kind(oid uint32) (parquet.Node, func([]byte) (parquet.Value, error)) {
	switch oid {
	case pgtype.BoolOID:
		return parquet.Leaf(parquet.BooleanType), func(text []byte) (parquet.Value, error) {
			return parquet.BooleanValue(string(text) == "t"), nil
		}
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		return parquet.Int(64), func(text []byte) (parquet.Value, error) {
			n, err := strconv.ParseInt(string(text), 10, 64)
			return parquet.Int64Value(n), err
		}
	case pgtype.TimestamptzOID:
		return parquet.Timestamp(parquet.Microsecond), instant
	default:
		return parquet.String(), func(text []byte) (parquet.Value, error) {
			return parquet.ByteArrayValue(slices.Clone(text)), nil
		}
	}
}

// instant reads a time as Postgres writes it in UTC. Infinity is NULL, as a
// column of times has no such value.
func instant(text []byte) (parquet.Value, error) {
	if s := string(text); s == "infinity" || s == "-infinity" {
		return parquet.NullValue(), nil
	}
	at, err := time.Parse("2006-01-02 15:04:05.999999-07", string(text))
	return parquet.Int64Value(at.UnixMicro()), err
}

func (f *parquetFile) add(values [][]byte) error {
	row := make(parquet.Row, len(f.columns))
	for i, c := range f.columns {
		value, present := parquet.NullValue(), 0
		if text := values[c.from]; text != nil {
			var err error
			if value, err = c.value(text); err != nil {
				return fmt.Errorf("column %s: %w", c.name, err)
			}
			if !value.IsNull() {
				present = 1
			}
		}
		row[i] = value.Level(0, present, i)
	}
	f.rows++
	if f.buffer = append(f.buffer, row); len(f.buffer) == batch {
		return f.flush()
	}
	return nil
}

func (f *parquetFile) flush() error {
	_, err := f.out.WriteRows(f.buffer)
	f.buffer = f.buffer[:0]
	return err
}

func (f *parquetFile) close() error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.out.Close()
}

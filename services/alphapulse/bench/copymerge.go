package bench

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// exported are the rows of a backfill as COPY writes them, account by account: what
// the limit loads again.
type exported struct {
	tables   []exportedTable
	accounts []map[string][]byte // by table
	count    int64               // of orders and fills
}

// exportedTable is a table and its columns that can be written.
type exportedTable struct{ name, columns string }

// historyTables are those that a backfill of orders and fills writes. An order's
// history is a part of storing it.
func historyTables() []string { return []string{"fills", "orders", "orders_history"} }

// export reads what the pass before has stored.
func (b *bench) export(ctx context.Context) (exported, error) {
	b.cfg.Progress("reading the rows that were stored", 0, 0)
	conn, err := pgx.Connect(ctx, b.databaseURL)
	if err != nil {
		return exported{}, fmt.Errorf("connecting to Postgres: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing was written
	rows := exported{accounts: make([]map[string][]byte, b.cfg.HistoryAccounts)}
	for _, name := range historyTables() {
		columns, err := writableColumns(ctx, conn, name)
		if err != nil {
			return exported{}, err
		}
		rows.tables = append(rows.tables, exportedTable{name: name, columns: columns})
	}
	for i := range rows.accounts {
		if rows.accounts[i], err = exportAccount(ctx, conn, rows.tables, b.accounts[i].id); err != nil {
			return exported{}, err
		}
	}
	const count = `SELECT (SELECT count(*) FROM alphapulse.fills) + (SELECT count(*) FROM alphapulse.orders)`
	if err := conn.QueryRow(ctx, count).Scan(&rows.count); err != nil {
		return exported{}, fmt.Errorf("counting the rows that were stored: %w", err)
	}
	if rows.count == 0 {
		return exported{}, errNoRows
	}
	return rows, nil
}

// writableColumns lists the columns of a table but the generated ones.
func writableColumns(ctx context.Context, conn *pgx.Conn, table string) (string, error) {
	const query = `
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = ('alphapulse.' || $1)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`
	var columns string
	if err := conn.QueryRow(ctx, query, table).Scan(&columns); err != nil {
		return "", fmt.Errorf("reading the columns of %s: %w", table, err)
	}
	return columns, nil
}

func exportAccount(ctx context.Context, conn *pgx.Conn, tables []exportedTable, id string) (map[string][]byte, error) {
	rows := map[string][]byte{}
	for _, t := range tables {
		var out bytes.Buffer
		// COPY takes no parameters; the id is one that we have made.
		sql := fmt.Sprintf(`COPY (SELECT %s FROM alphapulse.%s WHERE account_id = '%s') TO STDOUT (FORMAT binary)`, t.columns, t.name, id)
		if _, err := conn.PgConn().CopyTo(ctx, &out, sql); err != nil {
			return nil, fmt.Errorf("reading %s: %w", t.name, err)
		}
		rows[t.name] = out.Bytes()
	}
	return rows, nil
}

// copyAndMerge stores all rows, an account a transaction, over as many connections as
// workers commit over, and gives rows per second.
func (b *bench) copyAndMerge(ctx context.Context, rows exported) (float64, error) {
	b.cfg.Progress("copying and merging", 0, 0)
	conns := min(b.cfg.Workers*writeConns(b.cfg.Workers, b.cfg.Slots), len(rows.accounts))
	open := make([]*pgx.Conn, conns)
	for i := range open {
		conn, err := pgx.Connect(ctx, b.databaseURL)
		if err != nil {
			return 0, fmt.Errorf("connecting to Postgres: %w", err)
		}
		defer conn.Close(ctx) //nolint:errcheck // what was written was committed
		if err := stage(ctx, conn, rows.tables); err != nil {
			return 0, err
		}
		open[i] = conn
	}
	began := time.Now()
	err := parallel(conns, conns, func(c int) error {
		for i := c; i < len(rows.accounts); i += conns {
			if err := merge(ctx, open[c], rows.tables, rows.accounts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return float64(rows.count) / time.Since(began).Seconds(), err
}

// stage makes the temporary tables of a connection.
func stage(ctx context.Context, conn *pgx.Conn, tables []exportedTable) error {
	for _, t := range tables {
		sql := fmt.Sprintf(`CREATE TEMPORARY TABLE staged_%s ON COMMIT DELETE ROWS AS SELECT %s FROM alphapulse.%s WITH NO DATA`,
			t.name, t.columns, t.name)
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("making a temporary table: %w", err)
		}
	}
	return nil
}

// merge stores one account's rows.
func merge(ctx context.Context, conn *pgx.Conn, tables []exportedTable, rows map[string][]byte) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, t := range tables {
			into := fmt.Sprintf(`COPY staged_%s (%s) FROM STDIN (FORMAT binary)`, t.name, t.columns)
			if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(rows[t.name]), into); err != nil {
				return fmt.Errorf("copying %s: %w", t.name, err)
			}
			sql := fmt.Sprintf(`INSERT INTO alphapulse.%s (%s) SELECT %s FROM staged_%s ON CONFLICT DO NOTHING`,
				t.name, t.columns, t.columns, t.name)
			if _, err := tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("merging %s: %w", t.name, err)
			}
		}
		return nil
	})
}

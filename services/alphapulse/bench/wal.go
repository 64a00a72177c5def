package bench

import (
	"context"
	"fmt"
)

// logMark is a place in the write-ahead log, and what had been done to write it.
type logMark struct {
	place  string
	images int64 // full pages
	syncs  int64
}

// mark reads where the log is. The counts of other sessions come at the latest when
// those end.
func (m *machine) mark(ctx context.Context) (logMark, error) {
	const counts = `SELECT pg_current_wal_insert_lsn()::text, wal_fpi, wal_sync FROM pg_stat_wal`
	const since18 = `
SELECT pg_current_wal_insert_lsn()::text, wal_fpi,
       (SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal') FROM pg_stat_wal`
	query := counts
	newer, err := m.exists(ctx, `SELECT current_setting('server_version_num')::integer >= 180000`)
	if err != nil {
		return logMark{}, fmt.Errorf("asking for the version of Postgres: %w", err)
	}
	if newer {
		query = since18
	}
	var mark logMark
	if err := m.db.QueryRow(ctx, query).Scan(&mark.place, &mark.images, &mark.syncs); err != nil {
		return logMark{}, fmt.Errorf("reading where the write-ahead log is: %w", err)
	}
	return mark, nil
}

// logged is what was written between two places of the log.
type logged struct{ bytes, images, syncs float64 }

// pageBytes is the most that a full-page image takes.
const pageBytes = 8192

// between two marks. Images are measured where the log can be looked into, and else
// counted, as if each were a whole page.
func (m *machine) logged(ctx context.Context, before, after logMark) (logged, error) {
	var written logged
	const size = `SELECT pg_wal_lsn_diff($2::text::pg_lsn, $1::text::pg_lsn)::double precision`
	if err := m.db.QueryRow(ctx, size, before.place, after.place).Scan(&written.bytes); err != nil {
		return written, fmt.Errorf("measuring the write-ahead log: %w", err)
	}
	written.syncs = float64(after.syncs - before.syncs)
	written.images = min(float64(after.images-before.images)*pageBytes, written.bytes)
	if !m.walInspect || before.place == after.place {
		return written, nil
	}
	// The end must lie behind us to be read up to.
	if err := m.execAll(ctx, `SELECT pg_logical_emit_message(true, 'bench', 'end of a pass')`); err != nil {
		return written, err
	}
	const images = `SELECT coalesce(sum(fpi_size), 0)::double precision FROM pg_get_wal_stats($1::text::pg_lsn, $2::text::pg_lsn)`
	if err := m.db.QueryRow(ctx, images, before.place, after.place).Scan(&written.images); err != nil {
		return written, fmt.Errorf("looking into the write-ahead log: %w", err)
	}
	return written, nil
}

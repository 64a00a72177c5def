-- +goose Up
-- Runs that have ended and are not announced were found by an index on sync_runs with
-- announced_at in its condition. So each announcement, which is one for every run, wrote
-- the row's entries in all other indexes anew. Now a fold notes its runs here, in one row
-- for all that it ended, and whoever has announced them all removes it.
CREATE TABLE alphapulse.run_outbox (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_ids  uuid[] NOT NULL CHECK (cardinality(run_ids) > 0),
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO alphapulse.run_outbox (run_ids, ended_at)
SELECT array_agg(id), max(finished_at)
FROM (SELECT id, finished_at, row_number() OVER (ORDER BY finished_at) / 64 AS batch FROM alphapulse.sync_runs
      WHERE announced_at IS NULL AND status <> 'running') r
GROUP BY batch;
DROP INDEX alphapulse.sync_runs_unannounced;
ALTER TABLE alphapulse.sync_runs SET (fillfactor = 50);

-- +goose Down
ALTER TABLE alphapulse.sync_runs RESET (fillfactor);
CREATE INDEX sync_runs_unannounced ON alphapulse.sync_runs (finished_at)
    WHERE announced_at IS NULL AND status <> 'running';
DROP TABLE alphapulse.run_outbox;

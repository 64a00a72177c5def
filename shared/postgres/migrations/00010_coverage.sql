-- +goose Up
-- Coverage of markets' histories too, and of what each scope was asked for;
-- runs that verify, and what they found.

ALTER TABLE alphapulse.sync_coverage ADD COLUMN market_id uuid REFERENCES alphapulse.markets (id) ON DELETE CASCADE;
ALTER TABLE alphapulse.sync_coverage DROP CONSTRAINT sync_coverage_pkey;
ALTER TABLE alphapulse.sync_coverage ALTER COLUMN account_id DROP NOT NULL;
ALTER TABLE alphapulse.sync_coverage
    ADD COLUMN subject_id uuid NOT NULL GENERATED ALWAYS AS (coalesce(account_id, market_id)) STORED,
    -- Why the scope cannot be read at all; NULL when it can.
    ADD COLUMN unreadable text,
    ADD PRIMARY KEY (subject_id, data_type, scope),
    ADD CHECK (num_nonnulls(account_id, market_id) = 1);

ALTER TABLE alphapulse.sync_runs DROP CONSTRAINT sync_runs_trigger_check;
ALTER TABLE alphapulse.sync_runs ADD CONSTRAINT sync_runs_trigger_check
    CHECK (trigger IN ('schedule', 'manual', 'initial', 'backfill', 'replay', 'repair', 'probe', 'verify'));

-- What a verifying job read and compared, scope by scope.
CREATE TABLE alphapulse.verifications (
    job_id        uuid NOT NULL REFERENCES alphapulse.sync_jobs (id) ON DELETE CASCADE,
    scope         text NOT NULL,
    "window"      tstzrange,
    rows_compared bigint NOT NULL,
    -- Rows that differ because they changed after the table was last written.
    rows_moved    bigint NOT NULL DEFAULT 0,
    rows_drifted  bigint NOT NULL,
    checked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, scope)
);

-- One difference. kind is changed (a column differs), missing (the exchange has
-- the row and the table does not) or extra (the other way round).
CREATE TABLE alphapulse.drift (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id         uuid NOT NULL REFERENCES alphapulse.sync_jobs (id) ON DELETE CASCADE,
    account_id     uuid REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    data_type      text NOT NULL,
    scope          text NOT NULL,
    row_key        text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('changed', 'missing', 'extra')),
    column_name    text,
    stored_value   text,
    exchange_value text,
    found_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX drift_job ON alphapulse.drift (job_id);

-- Held-back jobs of a backfill are let go a few at a time, oldest window first.
CREATE INDEX sync_jobs_held ON alphapulse.sync_jobs (subject_id, data_type, lane)
    WHERE status = 'queued' AND next_at = 'infinity';

-- +goose Down
DROP INDEX alphapulse.sync_jobs_held;
DROP TABLE alphapulse.drift, alphapulse.verifications;
DELETE FROM alphapulse.sync_runs WHERE trigger = 'verify';
ALTER TABLE alphapulse.sync_runs DROP CONSTRAINT sync_runs_trigger_check;
ALTER TABLE alphapulse.sync_runs ADD CONSTRAINT sync_runs_trigger_check
    CHECK (trigger IN ('schedule', 'manual', 'initial', 'backfill', 'replay', 'repair', 'probe'));
DELETE FROM alphapulse.sync_coverage WHERE account_id IS NULL;
ALTER TABLE alphapulse.sync_coverage DROP CONSTRAINT sync_coverage_pkey;
ALTER TABLE alphapulse.sync_coverage DROP COLUMN unreadable, DROP COLUMN subject_id, DROP COLUMN market_id;
ALTER TABLE alphapulse.sync_coverage ALTER COLUMN account_id SET NOT NULL;
ALTER TABLE alphapulse.sync_coverage ADD PRIMARY KEY (account_id, data_type, scope);

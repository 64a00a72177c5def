-- +goose Up
-- Work that is planned beside the schedules: backfills, holes, verification,
-- the daily probe, and what it learns of a key.

ALTER TABLE alphapulse.accounts
    -- The UID that the person who added the account expects its key to have.
    ADD COLUMN expected_uid text,
    -- Of a sub-account: its master's UID. NULL while unknown, and of a master.
    ADD COLUMN parent_uid text,
    ADD COLUMN is_master boolean,
    -- The last of the days before the key's expiry that a warning was logged for.
    ADD COLUMN key_warned_days integer,
    -- When the account is verified next, from a sample.
    ADD COLUMN verify_at timestamptz;
CREATE INDEX accounts_verify ON alphapulse.accounts (verify_at) WHERE status = 'active';
CREATE INDEX accounts_key_expiry ON alphapulse.accounts (key_expires_at)
    WHERE key_expires_at IS NOT NULL AND status <> 'removed';

-- Both spread over the day by a hash of the account's id, as all slots are.
UPDATE alphapulse.accounts
SET verify_at = date_bin('1 day', clock_timestamp() + interval '12 hours',
                         timestamptz '2000-01-01 00:00:00+00'
                         + make_interval(secs => (hashtext(id::text) & 2147483647) % 86400)) + interval '1 day'
WHERE status <> 'removed';
INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
SELECT id, 'probe', interval '1 day',
       date_bin('1 day', clock_timestamp(), timestamptz '2000-01-01 00:00:00+00'
                + make_interval(secs => (hashtext(id::text) & 2147483647) % 86400)) + interval '1 day'
FROM alphapulse.accounts WHERE status <> 'removed'
ON CONFLICT (subject_id, data_type) DO NOTHING;

-- Whether something is missing between the first instant covered and the last
-- one, and still served. The index has this column and not covered, so that an
-- interval that grows stays a heap-only update.
ALTER TABLE alphapulse.sync_coverage
    -- How long after an instant the exchange may still add rows to it.
    ADD COLUMN lag interval NOT NULL DEFAULT interval '10 minutes',
    ADD COLUMN holed boolean NOT NULL GENERATED ALWAYS AS (
        unreadable IS NULL
        AND NOT isempty((tstzmultirange(range_merge(covered)) * tstzmultirange(tstzrange(horizon, NULL))) - covered)
    ) STORED;
CREATE INDEX sync_coverage_holed ON alphapulse.sync_coverage (account_id) WHERE holed;

-- Runs whose deadline moves on with what they do.
CREATE INDEX sync_runs_moving ON alphapulse.sync_runs (deadline_at)
    WHERE status = 'running' AND trigger IN ('backfill', 'verify', 'repair');
CREATE INDEX sync_runs_backfills ON alphapulse.sync_runs (subject_id, finished_at) WHERE trigger = 'backfill';

-- As before, without the probe, which is no data.
CREATE OR REPLACE VIEW alphapulse.account_freshness AS
SELECT a.id AS account_id,
       a.name AS account,
       a.status AS account_status,
       s.data_type,
       s.every,
       m.stretch,
       t.last_attempt_at,
       t.last_success_at,
       t.as_of,
       clock_timestamp() - t.as_of AS age,
       a.status <> 'active' OR NOT s.enabled OR t.as_of IS NULL
           OR clock_timestamp() - t.as_of > 2 * s.every * m.stretch::double precision + interval '15 seconds' AS stale,
       coalesce(t.consecutive_failures, 0) AS consecutive_failures,
       t.last_error_class,
       t.last_error_message,
       coalesce(t.superseded_in_row, 0) AS superseded_in_row,
       s.skipped,
       NOT EXISTS (SELECT FROM alphapulse.sync_scopes c
                   WHERE c.subject_id = s.subject_id AND c.data_type = s.data_type AND NOT c.complete)
           AND t.as_of IS NOT NULL AS complete
FROM alphapulse.accounts a
JOIN alphapulse.markets m ON m.id = a.market_id
JOIN alphapulse.schedules s ON s.subject_id IN (a.id, a.market_id)
LEFT JOIN alphapulse.sync_state t ON t.subject_id = s.subject_id AND t.data_type = s.data_type
WHERE a.status <> 'removed' AND s.data_type <> 'probe';

-- +goose Down
CREATE OR REPLACE VIEW alphapulse.account_freshness AS
SELECT a.id AS account_id,
       a.name AS account,
       a.status AS account_status,
       s.data_type,
       s.every,
       m.stretch,
       t.last_attempt_at,
       t.last_success_at,
       t.as_of,
       clock_timestamp() - t.as_of AS age,
       a.status <> 'active' OR NOT s.enabled OR t.as_of IS NULL
           OR clock_timestamp() - t.as_of > 2 * s.every * m.stretch::double precision + interval '15 seconds' AS stale,
       coalesce(t.consecutive_failures, 0) AS consecutive_failures,
       t.last_error_class,
       t.last_error_message,
       coalesce(t.superseded_in_row, 0) AS superseded_in_row,
       s.skipped,
       NOT EXISTS (SELECT FROM alphapulse.sync_scopes c
                   WHERE c.subject_id = s.subject_id AND c.data_type = s.data_type AND NOT c.complete)
           AND t.as_of IS NOT NULL AS complete
FROM alphapulse.accounts a
JOIN alphapulse.markets m ON m.id = a.market_id
JOIN alphapulse.schedules s ON s.subject_id IN (a.id, a.market_id)
LEFT JOIN alphapulse.sync_state t ON t.subject_id = s.subject_id AND t.data_type = s.data_type
WHERE a.status <> 'removed';
DROP INDEX alphapulse.sync_runs_backfills, alphapulse.sync_runs_moving, alphapulse.sync_coverage_holed;
ALTER TABLE alphapulse.sync_coverage DROP COLUMN holed, DROP COLUMN lag;
DELETE FROM alphapulse.schedules WHERE data_type = 'probe';
DROP INDEX alphapulse.accounts_key_expiry, alphapulse.accounts_verify;
ALTER TABLE alphapulse.accounts
    DROP COLUMN verify_at, DROP COLUMN key_warned_days, DROP COLUMN is_master, DROP COLUMN parent_uid,
    DROP COLUMN expected_uid;

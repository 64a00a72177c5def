-- +goose Up
-- Pauses of one account, pauses that begin later (a maintenance window), and who
-- ended one early.

ALTER TABLE alphapulse.pauses
    ADD COLUMN account_id uuid REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    -- In force from starts_at to until.
    ADD COLUMN starts_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Who resumed it before its end; until is then when that was.
    ADD COLUMN ended_by text;
CREATE INDEX pauses_ended ON alphapulse.pauses (until) WHERE until IS NOT NULL;

-- What comes back when a pause ends.
CREATE INDEX sync_jobs_paused ON alphapulse.sync_jobs (id) WHERE status = 'waiting' AND wait_reason = 'paused';

-- +goose Down
DROP INDEX alphapulse.sync_jobs_paused, alphapulse.pauses_ended;
DELETE FROM alphapulse.pauses WHERE account_id IS NOT NULL OR starts_at > clock_timestamp();
ALTER TABLE alphapulse.pauses DROP COLUMN ended_by, DROP COLUMN starts_at, DROP COLUMN account_id;

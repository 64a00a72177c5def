-- +goose Up
-- What people ask for beside the data: the sub-accounts of a master, as its last
-- probe found them, and what the last verifications of an account found.

ALTER TABLE alphapulse.accounts
    -- [{uid, name, status, mode, remark}]; NULL while they were never listed.
    ADD COLUMN sub_accounts jsonb,
    ADD COLUMN sub_accounts_at timestamptz;

-- An account has a few of these among hundreds of thousands of scheduled runs.
CREATE INDEX sync_runs_verified ON alphapulse.sync_runs (subject_id, trigger, finished_at)
    WHERE trigger IN ('verify', 'repair');

-- +goose Down
DROP INDEX alphapulse.sync_runs_verified;
ALTER TABLE alphapulse.accounts DROP COLUMN sub_accounts_at, DROP COLUMN sub_accounts;

-- +goose Up
-- What is due, what waits for a pause and what follows a run is found without its
-- status. With that in their conditions these indexes had rivals, sync_jobs_open and
-- sync_runs_open, in which a session that had planned on an empty table went through all
-- that is open. Only queued and waiting jobs have a time to be due, only waiting ones a
-- reason to wait, and a run is running until it has finished.
DROP INDEX alphapulse.sync_jobs_due;
CREATE INDEX sync_jobs_due ON alphapulse.sync_jobs (next_at) WHERE next_at IS NOT NULL;
DROP INDEX alphapulse.sync_jobs_paused;
CREATE INDEX sync_jobs_paused ON alphapulse.sync_jobs (id) WHERE wait_reason = 'paused';
DROP INDEX alphapulse.sync_runs_followers;
CREATE INDEX sync_runs_followers ON alphapulse.sync_runs (follows) WHERE finished_at IS NULL AND started_at IS NULL;

-- +goose Down
DROP INDEX alphapulse.sync_runs_followers;
CREATE INDEX sync_runs_followers ON alphapulse.sync_runs (follows) WHERE status = 'running' AND started_at IS NULL;
DROP INDEX alphapulse.sync_jobs_paused;
CREATE INDEX sync_jobs_paused ON alphapulse.sync_jobs (id) WHERE status = 'waiting' AND wait_reason = 'paused';
DROP INDEX alphapulse.sync_jobs_due;
CREATE INDEX sync_jobs_due ON alphapulse.sync_jobs (next_at)
    WHERE status IN ('queued', 'waiting') AND next_at IS NOT NULL;

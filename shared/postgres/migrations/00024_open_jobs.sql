-- +goose Up
-- Which job of a lane a subject and type has open is asked for every slot, and a
-- backfill has any number of open windows beside the one live job.
DROP INDEX alphapulse.sync_jobs_open;
CREATE INDEX sync_jobs_open ON alphapulse.sync_jobs (subject_id, data_type, lane, queued_at)
    WHERE status IN ('queued', 'running', 'waiting');

-- +goose Down
DROP INDEX alphapulse.sync_jobs_open;
CREATE INDEX sync_jobs_open ON alphapulse.sync_jobs (subject_id, data_type, queued_at)
    WHERE status IN ('queued', 'running', 'waiting');

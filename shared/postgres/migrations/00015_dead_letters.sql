-- +goose Up
-- Dead letters: jobs whose attempts ran out and that no schedule repeats. The job
-- itself never changes again; what became of it is written beside it.

CREATE TABLE alphapulse.dead_letters_resolved (
    job_id             uuid PRIMARY KEY REFERENCES alphapulse.sync_jobs (id) ON DELETE CASCADE,
    resolution         text NOT NULL CHECK (resolution IN ('requeued', 'discarded')),
    -- The new job that does its work. It may be pruned before this row is.
    replacement_job_id uuid,
    resolved_by        text NOT NULL,
    resolved_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    note               text NOT NULL DEFAULT '',
    CHECK ((resolution = 'requeued') = (replacement_job_id IS NOT NULL))
);

CREATE INDEX sync_jobs_dead ON alphapulse.sync_jobs (finished_at, id) WHERE status = 'dead';

-- A letter whose new job was cancelled or failed is not dealt with after all. One
-- whose new job died is: that job is a letter of its own.
CREATE VIEW alphapulse.dead_letters AS
SELECT j.id AS job_id,
       j.run_id,
       j.account_id,
       coalesce(a.name, '') AS account,
       m.id AS market_id,
       m.exchange,
       m.environment,
       j.subject_id,
       j.data_type,
       j.lane,
       j.trigger,
       j."window",
       j.params,
       j.replay_of,
       j.attempt AS attempts,
       j.max_attempts,
       coalesce(j.owner, '') AS owner,
       coalesce(j.error_class, '') AS error_class,
       coalesce(j.error_code, '') AS error_code,
       coalesce(j.error_message, '') AS error_message,
       j.queued_at,
       j.started_at,
       j.finished_at AS died_at,
       j.announced_at,
       d.resolution,
       d.replacement_job_id,
       n.status AS replacement_status,
       d.resolved_by,
       d.resolved_at,
       d.note,
       d.job_id IS NOT NULL
           AND NOT (d.resolution = 'requeued' AND coalesce(n.status IN ('failed', 'cancelled'), false)) AS resolved
FROM alphapulse.sync_jobs j
LEFT JOIN alphapulse.accounts a ON a.id = j.account_id
JOIN alphapulse.markets m ON m.id = coalesce(j.market_id, a.market_id)
LEFT JOIN alphapulse.dead_letters_resolved d ON d.job_id = j.id
LEFT JOIN alphapulse.sync_jobs n ON n.id = d.replacement_job_id
WHERE j.status = 'dead';

-- +goose Down
DROP VIEW alphapulse.dead_letters;
DROP INDEX alphapulse.sync_jobs_dead;
DROP TABLE alphapulse.dead_letters_resolved;

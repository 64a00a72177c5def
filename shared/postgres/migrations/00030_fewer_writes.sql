-- +goose Up
-- Rows that are written at every sync stay on their page, so that writing them writes no
-- index: a new version finds room there, and takes the place of an old one later. It holds
-- for what is written from now on; VACUUM FULL does it for the rest.
ALTER TABLE alphapulse.sync_scopes SET (fillfactor = 50);
ALTER TABLE alphapulse.sync_state SET (fillfactor = 50);
ALTER TABLE alphapulse.balances SET (fillfactor = 50);
ALTER TABLE alphapulse.positions SET (fillfactor = 50);
ALTER TABLE alphapulse.prices SET (fillfactor = 50);

-- Running live jobs are found by sync_jobs_one_running; for each of them to be in a second
-- index of running jobs was written for nothing.
DROP INDEX alphapulse.sync_jobs_running;
CREATE INDEX sync_jobs_running ON alphapulse.sync_jobs (id) WHERE status = 'running' AND lane = 'backfill';

-- Plans of the walk do not depend on statistics, and tables that double within minutes, or
-- change each of their rows within one, were analyzed all the time.
ALTER TABLE alphapulse.sync_jobs SET (autovacuum_analyze_scale_factor = 0.5);
ALTER TABLE alphapulse.sync_runs SET (autovacuum_analyze_scale_factor = 0.5);
ALTER TABLE alphapulse.schedules SET (autovacuum_analyze_scale_factor = 10);

-- A row of the past is written with the row it is the past of, which refers to the account
-- or market; a run is planned under its subject's lock, and a job with its run or under that
-- one's lock. To look these up and lock them once more for each row took a tenth of the time
-- of planning and a fifth of that of writing what changed. What the references did besides,
-- triggers do: the past goes with its subject, a run with its account, a job with its run.
ALTER TABLE alphapulse.balances_history DROP CONSTRAINT balances_history_account_id_fkey;
ALTER TABLE alphapulse.positions_history DROP CONSTRAINT positions_history_account_id_fkey;
ALTER TABLE alphapulse.orders_history DROP CONSTRAINT orders_history_account_id_fkey;
ALTER TABLE alphapulse.prices_history DROP CONSTRAINT prices_history_market_id_fkey;
ALTER TABLE alphapulse.sync_runs DROP CONSTRAINT sync_runs_account_id_fkey;
ALTER TABLE alphapulse.sync_jobs DROP CONSTRAINT sync_jobs_run_id_fkey;

-- Triggers fire in the order of their names: after those of the references (RI_…), which
-- wait for whoever is writing rows of the subject.
-- +goose StatementBegin
CREATE FUNCTION alphapulse.forget_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM alphapulse.sync_runs WHERE subject_id = OLD.id;
    DELETE FROM alphapulse.balances_history WHERE account_id = OLD.id;
    DELETE FROM alphapulse.positions_history WHERE account_id = OLD.id;
    DELETE FROM alphapulse.orders_history WHERE account_id = OLD.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION alphapulse.forget_market() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM alphapulse.prices_history WHERE market_id = OLD.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION alphapulse.forget_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM alphapulse.sync_jobs WHERE run_id = ANY (ARRAY(SELECT id FROM gone));
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER forget_account AFTER DELETE ON alphapulse.accounts FOR EACH ROW EXECUTE FUNCTION alphapulse.forget_account();
CREATE TRIGGER forget_market AFTER DELETE ON alphapulse.markets FOR EACH ROW EXECUTE FUNCTION alphapulse.forget_market();
CREATE TRIGGER forget_jobs AFTER DELETE ON alphapulse.sync_runs REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION alphapulse.forget_jobs();

-- +goose Down
DROP TRIGGER forget_jobs ON alphapulse.sync_runs;
DROP TRIGGER forget_market ON alphapulse.markets;
DROP TRIGGER forget_account ON alphapulse.accounts;
DROP FUNCTION alphapulse.forget_jobs();
DROP FUNCTION alphapulse.forget_market();
DROP FUNCTION alphapulse.forget_account();
ALTER TABLE alphapulse.sync_jobs ADD CONSTRAINT sync_jobs_run_id_fkey
    FOREIGN KEY (run_id) REFERENCES alphapulse.sync_runs (id) ON DELETE CASCADE;
ALTER TABLE alphapulse.sync_runs ADD CONSTRAINT sync_runs_account_id_fkey
    FOREIGN KEY (account_id) REFERENCES alphapulse.accounts (id) ON DELETE CASCADE;
ALTER TABLE alphapulse.prices_history ADD CONSTRAINT prices_history_market_id_fkey
    FOREIGN KEY (market_id) REFERENCES alphapulse.markets (id) ON DELETE CASCADE;
ALTER TABLE alphapulse.orders_history ADD CONSTRAINT orders_history_account_id_fkey
    FOREIGN KEY (account_id) REFERENCES alphapulse.accounts (id) ON DELETE CASCADE;
ALTER TABLE alphapulse.positions_history ADD CONSTRAINT positions_history_account_id_fkey
    FOREIGN KEY (account_id) REFERENCES alphapulse.accounts (id) ON DELETE CASCADE;
ALTER TABLE alphapulse.balances_history ADD CONSTRAINT balances_history_account_id_fkey
    FOREIGN KEY (account_id) REFERENCES alphapulse.accounts (id) ON DELETE CASCADE;
DROP INDEX alphapulse.sync_jobs_running;
CREATE INDEX sync_jobs_running ON alphapulse.sync_jobs (id) WHERE status = 'running';
ALTER TABLE alphapulse.schedules RESET (autovacuum_analyze_scale_factor);
ALTER TABLE alphapulse.sync_runs RESET (autovacuum_analyze_scale_factor);
ALTER TABLE alphapulse.sync_jobs RESET (autovacuum_analyze_scale_factor);
ALTER TABLE alphapulse.prices RESET (fillfactor);
ALTER TABLE alphapulse.positions RESET (fillfactor);
ALTER TABLE alphapulse.balances RESET (fillfactor);
ALTER TABLE alphapulse.sync_state RESET (fillfactor);
ALTER TABLE alphapulse.sync_scopes RESET (fillfactor);

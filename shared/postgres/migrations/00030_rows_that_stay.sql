-- +goose Up
-- Rows that are written at every sync stay on their page, so that writing them writes no
-- index: a new version finds room there, and takes the place of an old one later. It holds
-- for what is written from now on; VACUUM FULL does it for the rest.
ALTER TABLE alphapulse.sync_scopes SET (fillfactor = 50);
ALTER TABLE alphapulse.sync_state SET (fillfactor = 50);
ALTER TABLE alphapulse.balances SET (fillfactor = 60);
ALTER TABLE alphapulse.positions SET (fillfactor = 60);
ALTER TABLE alphapulse.prices SET (fillfactor = 60);

-- Running live jobs are found by sync_jobs_one_running; for each of them to be in a second
-- index of running jobs was written for nothing.
DROP INDEX alphapulse.sync_jobs_running;
CREATE INDEX sync_jobs_running ON alphapulse.sync_jobs (id) WHERE status = 'running' AND lane = 'backfill';

-- A row of the past is written with the row it is the past of, which refers to the account
-- or market. To look that up and lock it for each once more took a fifth of the time of
-- writing. What the references did besides, a trigger does: the past goes with its subject.
ALTER TABLE alphapulse.balances_history DROP CONSTRAINT balances_history_account_id_fkey;
ALTER TABLE alphapulse.positions_history DROP CONSTRAINT positions_history_account_id_fkey;
ALTER TABLE alphapulse.orders_history DROP CONSTRAINT orders_history_account_id_fkey;
ALTER TABLE alphapulse.prices_history DROP CONSTRAINT prices_history_market_id_fkey;

-- Triggers fire in the order of their names: after those of the references (RI_…), which
-- wait for whoever is writing rows of the subject.
-- +goose StatementBegin
CREATE FUNCTION alphapulse.forget_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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
CREATE TRIGGER forget_past AFTER DELETE ON alphapulse.accounts FOR EACH ROW EXECUTE FUNCTION alphapulse.forget_account();
CREATE TRIGGER forget_past AFTER DELETE ON alphapulse.markets FOR EACH ROW EXECUTE FUNCTION alphapulse.forget_market();

-- +goose Down
DROP TRIGGER forget_past ON alphapulse.markets;
DROP TRIGGER forget_past ON alphapulse.accounts;
DROP FUNCTION alphapulse.forget_market();
DROP FUNCTION alphapulse.forget_account();
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
ALTER TABLE alphapulse.prices RESET (fillfactor);
ALTER TABLE alphapulse.positions RESET (fillfactor);
ALTER TABLE alphapulse.balances RESET (fillfactor);
ALTER TABLE alphapulse.sync_state RESET (fillfactor);
ALTER TABLE alphapulse.sync_scopes RESET (fillfactor);

-- What every transaction did to the data, and to the jobs. Read by Log.
CREATE SCHEMA effects;

-- What must never happen, written down where it happens: a state that is gone by
-- the time that somebody looks.
CREATE TABLE effects.breaches (
    seq  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    what text NOT NULL
);

-- One row for each statement that changed rows of a data table and each run
-- that such rows now belong to. run_id is NULL where no row took on another
-- run: columns that follow the market are updated in place, and a deleted row
-- names the run that wrote it, not the one that deleted it.
CREATE TABLE effects.effect_log (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name text NOT NULL,
    op         text NOT NULL,
    txid       xid8 NOT NULL DEFAULT pg_current_xact_id(),
    run_id     uuid
);

-- One row for each job that left 'running' or ended.
CREATE TABLE effects.outcome_log (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id      uuid NOT NULL,
    run_id      uuid NOT NULL,
    claim       uuid,
    from_status text NOT NULL,
    to_status   text NOT NULL,
    txid        xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE INDEX ON effects.outcome_log (job_id);

CREATE FUNCTION effects.log_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects.effect_log (table_name, op, run_id)
    SELECT DISTINCT TG_TABLE_NAME, TG_OP, run_id FROM new_rows;
    RETURN NULL;
END $$;

CREATE FUNCTION effects.log_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects.effect_log (table_name, op, run_id)
    SELECT TG_TABLE_NAME, TG_OP, run_id FROM new_rows EXCEPT SELECT TG_TABLE_NAME, TG_OP, run_id FROM old_rows;
    IF NOT FOUND AND EXISTS (SELECT FROM new_rows) THEN
        INSERT INTO effects.effect_log (table_name, op) VALUES (TG_TABLE_NAME, TG_OP);
    END IF;
    RETURN NULL;
END $$;

-- The purge of a removed account is no job's work.
CREATE FUNCTION effects.log_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects.effect_log (table_name, op)
    SELECT DISTINCT TG_TABLE_NAME, TG_OP FROM old_rows
    WHERE TG_TABLE_NAME IN ('prices', 'instruments', 'candles')
       OR EXISTS (SELECT FROM alphapulse.accounts a
                  WHERE a.id = (to_jsonb(old_rows) ->> 'account_id')::uuid AND a.status <> 'removed');
    RETURN NULL;
END $$;

-- Runs at commit: an outcome is recorded first and may be corrected by what the
-- same transaction then finds (a snapshot that was superseded).
CREATE FUNCTION effects.log_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects.outcome_log (job_id, run_id, claim, from_status, to_status)
    SELECT NEW.id, NEW.run_id, OLD.claim, OLD.status, j.status FROM alphapulse.sync_jobs j WHERE j.id = NEW.id;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER effects_outcome AFTER UPDATE OF status ON alphapulse.sync_jobs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND (OLD.status = 'running' OR NEW.finished_at IS NOT NULL))
    EXECUTE FUNCTION effects.log_outcome();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['balances', 'positions', 'orders', 'fills', 'ledger', 'closed_pnl', 'prices',
                                'instruments', 'candles'] LOOP
        EXECUTE format('CREATE TRIGGER effects_insert AFTER INSERT ON alphapulse.%I
            REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION effects.log_insert()', name);
        EXECUTE format('CREATE TRIGGER effects_update AFTER UPDATE ON alphapulse.%I
            REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION effects.log_update()', name);
        EXECUTE format('CREATE TRIGGER effects_delete AFTER DELETE ON alphapulse.%I
            REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION effects.log_delete()', name);
    END LOOP;
END $$;

-- A terminal job never changes again; that its news were announced is no change.
CREATE FUNCTION effects.terminal_job() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb;
    now jsonb;
BEGIN
    SELECT jsonb_object_agg(o.key, o.value), jsonb_object_agg(n.key, n.value) INTO was, now
    FROM jsonb_each(to_jsonb(OLD)) o JOIN jsonb_each(to_jsonb(NEW)) n ON n.key = o.key
    WHERE o.key <> 'announced_at' AND o.value IS DISTINCT FROM n.value;
    -- The transaction that ends a job may still correct what it said; its outcome
    -- is logged at its commit.
    IF was IS NOT NULL AND EXISTS (SELECT FROM effects.outcome_log l WHERE l.job_id = OLD.id AND l.to_status = OLD.status) THEN
        INSERT INTO effects.breaches (what)
        VALUES (format('job %s was %s and changed: %s became %s', OLD.id, OLD.status, was, now));
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER effects_terminal AFTER UPDATE ON alphapulse.sync_jobs FOR EACH ROW
    WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION effects.terminal_job();

-- Time goes forward: of what a scope shows, and of what is known of a type.
CREATE FUNCTION effects.backwards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects.breaches (what)
    VALUES (format('%s went back from %s to %s: %s', TG_TABLE_NAME, OLD.as_of, NEW.as_of, to_jsonb(NEW)));
    RETURN NULL;
END $$;

CREATE TRIGGER effects_backwards AFTER UPDATE ON alphapulse.sync_scopes FOR EACH ROW
    WHEN (NEW.as_of < OLD.as_of) EXECUTE FUNCTION effects.backwards();
CREATE TRIGGER effects_backwards AFTER UPDATE ON alphapulse.sync_state FOR EACH ROW
    WHEN (NEW.as_of < OLD.as_of) EXECUTE FUNCTION effects.backwards();

-- An order that has ended stays ended.
CREATE FUNCTION effects.order_reopened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects.breaches (what)
    VALUES (format('order %s was %s and became %s again', OLD.order_id, OLD.status, NEW.status));
    RETURN NULL;
END $$;

CREATE TRIGGER effects_reopened AFTER UPDATE OF status ON alphapulse.orders FOR EACH ROW
    WHEN (OLD.status IN ('filled', 'cancelled', 'rejected', 'expired')
          AND NEW.status IN ('untriggered', 'open', 'partially_filled'))
    EXECUTE FUNCTION effects.order_reopened();

-- Coverage only grows.
CREATE FUNCTION effects.coverage_lost() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects.breaches (what)
    VALUES (format('coverage of %s %s shrank from %s to %s', OLD.data_type, OLD.scope, OLD.covered, NEW.covered));
    RETURN NULL;
END $$;

CREATE TRIGGER effects_coverage AFTER UPDATE ON alphapulse.sync_coverage FOR EACH ROW
    WHEN (NOT NEW.covered @> OLD.covered) EXECUTE FUNCTION effects.coverage_lost();

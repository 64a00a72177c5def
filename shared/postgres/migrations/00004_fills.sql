-- +goose Up
-- Executions of every type, funding among them (exec_type as sent). A fee above
-- zero was paid, one below zero received. Rows are inserted and never change.

CREATE TABLE alphapulse.fills (
    account_id      uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    category        text NOT NULL,
    exec_id         text NOT NULL,
    order_id        text,
    client_order_id text,
    symbol          text NOT NULL,
    side            text,
    exec_type       text,
    order_type      text,
    price           numeric,
    quantity        numeric,
    value           numeric,
    fee             numeric,
    fee_asset       text,
    fee_rate        numeric,
    closed_quantity numeric,
    mark_price      numeric,
    index_price     numeric,
    is_maker        boolean,
    -- The exchange's sequence number: whole, and beyond what a float can hold.
    sequence        numeric,
    executed_at     timestamptz NOT NULL,
    scope           text NOT NULL,
    run_id          uuid NOT NULL,
    as_of           timestamptz NOT NULL,
    observed_at     timestamptz NOT NULL,
    PRIMARY KEY (account_id, category, exec_id)
);
CREATE INDEX fills_executed ON alphapulse.fills (account_id, executed_at);
CREATE INDEX fills_order ON alphapulse.fills (account_id, order_id);

INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
SELECT id, 'fills', interval '1 minute', clock_timestamp() FROM alphapulse.accounts WHERE status <> 'removed'
ON CONFLICT (subject_id, data_type) DO NOTHING;

-- +goose Down
DELETE FROM alphapulse.schedules WHERE data_type = 'fills';
DROP TABLE alphapulse.fills;

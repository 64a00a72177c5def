-- +goose Up
-- What each close of a position earned, as the exchange reckons it, in the
-- settle asset. An order that closed in several steps has a row for each.

CREATE TABLE alphapulse.closed_pnl (
    account_id          uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    category            text NOT NULL,
    symbol              text NOT NULL,
    order_id            text NOT NULL,
    created_at          timestamptz NOT NULL,
    side                text,
    order_type          text,
    exec_type           text,
    quantity            numeric,
    order_price         numeric,
    closed_quantity     numeric,
    entry_value         numeric,
    average_entry_price numeric,
    exit_value          numeric,
    average_exit_price  numeric,
    realized_pnl        numeric,
    fill_count          numeric,
    leverage            numeric,
    open_fee            numeric,
    close_fee           numeric,
    updated_at          timestamptz,
    scope               text NOT NULL,
    run_id              uuid NOT NULL,
    as_of               timestamptz NOT NULL,
    observed_at         timestamptz NOT NULL,
    PRIMARY KEY (account_id, category, symbol, order_id, created_at)
);
CREATE INDEX closed_pnl_created ON alphapulse.closed_pnl (account_id, created_at);

INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
SELECT id, 'closed_pnl', interval '5 minutes', clock_timestamp() FROM alphapulse.accounts WHERE status <> 'removed'
ON CONFLICT (subject_id, data_type) DO NOTHING;

-- +goose Down
DELETE FROM alphapulse.schedules WHERE data_type = 'closed_pnl';
DROP TABLE alphapulse.closed_pnl;

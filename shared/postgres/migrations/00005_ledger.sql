-- +goose Up
-- Every movement of money. source says which of the exchange's books a row is
-- of: transaction_log, contract_log, funding_log (the FUND wallet), deposit,
-- withdrawal, transfer. The books overlap: a transfer shows in its own and in
-- the log of either wallet, so sums are made over one source at a time.
--
-- entry_id is made from the row where the exchange's own id is not unique or
-- there is none; exchange_id is that id as sent. change is what the wallet's
-- balance changed by: above zero it grew.

CREATE TABLE alphapulse.ledger (
    account_id       uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    source           text NOT NULL,
    entry_id         text NOT NULL,
    exchange_id      text,
    wallet           text,
    asset            text NOT NULL,
    entry_type       text,
    category         text,
    symbol           text,
    side             text,
    quantity         numeric,
    position_size    numeric,
    price            numeric,
    cash_flow        numeric,
    funding          numeric,
    fee              numeric,
    fee_rate         numeric,
    bonus_change     numeric,
    change           numeric,
    balance          numeric,
    order_id         text,
    client_order_id  text,
    trade_id         text,
    status           text,
    from_wallet      text,
    to_wallet        text,
    network          text,
    transaction_hash text,
    description      text,
    occurred_at      timestamptz NOT NULL,
    updated_at       timestamptz,
    scope            text NOT NULL,
    run_id           uuid NOT NULL,
    as_of            timestamptz NOT NULL,
    observed_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, source, entry_id)
);
CREATE INDEX ledger_occurred ON alphapulse.ledger (account_id, occurred_at);

INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
SELECT id, 'ledger', interval '5 minutes', clock_timestamp() FROM alphapulse.accounts WHERE status <> 'removed'
ON CONFLICT (subject_id, data_type) DO NOTHING;

-- +goose Down
DELETE FROM alphapulse.schedules WHERE data_type = 'ledger';
DROP TABLE alphapulse.ledger;

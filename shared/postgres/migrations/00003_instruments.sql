-- +goose Up
-- What a market lists. A row that is absent from a complete walk is no longer
-- listed and goes. quantity is counted in contract_asset, contract_value of it a
-- contract: base coin for spot, linear and option, USD for inverse.

CREATE TABLE alphapulse.instruments (
    market_id        uuid NOT NULL REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    category         text NOT NULL,
    symbol           text NOT NULL,
    -- prelaunch, trading, delivering, closed or unknown; exchange_status as sent.
    status           text NOT NULL,
    exchange_status  text,
    base_asset       text,
    quote_asset      text,
    settle_asset     text,
    contract_type    text,
    option_type      text,
    tick_size        numeric,
    quantity_step    numeric,
    min_quantity     numeric,
    max_quantity     numeric,
    min_notional     numeric,
    contract_value   numeric,
    contract_asset   text,
    min_leverage     numeric,
    max_leverage     numeric,
    funding_minutes  numeric,
    launched_at      timestamptz,
    delivers_at      timestamptz,
    scope            text NOT NULL,
    run_id           uuid NOT NULL,
    as_of            timestamptz NOT NULL,
    observed_at      timestamptz NOT NULL,
    PRIMARY KEY (market_id, category, symbol)
);
CREATE INDEX instruments_settle ON alphapulse.instruments (market_id, category, settle_asset);

-- The first slot is now: positions and orders need the settle coins.
INSERT INTO alphapulse.schedules (market_id, data_type, every, next_at)
SELECT id, 'instruments', interval '1 hour', clock_timestamp() FROM alphapulse.markets
ON CONFLICT (subject_id, data_type) DO NOTHING;

-- +goose Down
DELETE FROM alphapulse.schedules WHERE data_type = 'instruments';
DROP TABLE alphapulse.instruments;

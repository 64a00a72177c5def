-- +goose Up
-- Final bars of the series that are configured; an open bar is not stored.
-- interval is the exchange's name: minutes (1, 60, 720) or D, W, M.

CREATE TABLE alphapulse.candle_series (
    market_id  uuid NOT NULL REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    category   text NOT NULL,
    symbol     text NOT NULL,
    interval   text NOT NULL,
    -- Bars before this are not asked for.
    since      timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (market_id, category, symbol, interval)
);

CREATE TABLE alphapulse.candles (
    market_id   uuid NOT NULL REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    category    text NOT NULL,
    symbol      text NOT NULL,
    interval    text NOT NULL,
    start_at    timestamptz NOT NULL,
    open        numeric,
    high        numeric,
    low         numeric,
    close       numeric,
    volume      numeric,
    turnover    numeric,
    scope       text NOT NULL,
    run_id      uuid NOT NULL,
    as_of       timestamptz NOT NULL,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (market_id, category, symbol, interval, start_at)
);

-- +goose Down
DELETE FROM alphapulse.schedules WHERE data_type = 'candles';
DROP TABLE alphapulse.candles, alphapulse.candle_series;

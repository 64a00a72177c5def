-- +goose Up
-- The data: what accounts hold and what markets quote, and how it changed.
--
-- Amounts are numeric, exactly as sent; what the exchange did not send is NULL.
-- run_id, as_of and observed_at of a row are those of its last change; columns
-- that follow the market (marked below) are updated in place and count as none.
-- In a _history table valid_from and valid_to are the exchange's clock at the
-- walk that saw the row so, and the walk that saw it otherwise or not at all.

CREATE TABLE alphapulse.balances (
    account_id  uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    wallet      text NOT NULL,
    asset       text NOT NULL,
    total       numeric,
    available   numeric,
    locked      numeric,
    borrowed    numeric,
    equity      numeric, -- follows the market
    usd_value   numeric, -- follows the market
    run_id      uuid NOT NULL,
    as_of       timestamptz NOT NULL,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, wallet, asset)
);

CREATE TABLE alphapulse.balances_history (
    account_id uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    wallet     text NOT NULL,
    asset      text NOT NULL,
    total      numeric,
    available  numeric,
    locked     numeric,
    borrowed   numeric,
    equity     numeric,
    usd_value  numeric,
    run_id     uuid NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to   timestamptz,
    PRIMARY KEY (account_id, wallet, asset, valid_from)
);
CREATE UNIQUE INDEX balances_history_open ON alphapulse.balances_history (account_id, wallet, asset)
    WHERE valid_to IS NULL;

CREATE TABLE alphapulse.positions (
    account_id         uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    category           text NOT NULL,
    symbol             text NOT NULL,
    position_idx       integer NOT NULL,
    side               text NOT NULL,
    size               numeric,
    entry_price        numeric,
    mark_price         numeric, -- follows the market
    leverage           numeric,
    liquidation_price  numeric,
    unrealized_pnl     numeric, -- follows the market
    realized_pnl       numeric,
    initial_margin     numeric, -- follows the market
    maintenance_margin numeric, -- follows the market
    settle_asset       text,
    scope              text NOT NULL,
    run_id             uuid NOT NULL,
    as_of              timestamptz NOT NULL,
    observed_at        timestamptz NOT NULL,
    PRIMARY KEY (account_id, category, symbol, position_idx)
);

CREATE TABLE alphapulse.positions_history (
    account_id         uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    category           text NOT NULL,
    symbol             text NOT NULL,
    position_idx       integer NOT NULL,
    side               text NOT NULL,
    size               numeric,
    entry_price        numeric,
    mark_price         numeric,
    leverage           numeric,
    liquidation_price  numeric,
    unrealized_pnl     numeric,
    realized_pnl       numeric,
    initial_margin     numeric,
    maintenance_margin numeric,
    settle_asset       text,
    scope              text NOT NULL,
    run_id             uuid NOT NULL,
    valid_from         timestamptz NOT NULL,
    valid_to           timestamptz,
    PRIMARY KEY (account_id, category, symbol, position_idx, valid_from)
);
CREATE UNIQUE INDEX positions_history_open
    ON alphapulse.positions_history (account_id, category, symbol, position_idx) WHERE valid_to IS NULL;

CREATE TABLE alphapulse.orders (
    account_id      uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    category        text NOT NULL,
    order_id        text NOT NULL,
    client_order_id text,
    symbol          text NOT NULL,
    side            text NOT NULL,
    order_type      text,
    time_in_force   text,
    status          text NOT NULL
                    CHECK (status IN ('untriggered', 'open', 'partially_filled', 'filled', 'cancelled',
                                      'rejected', 'expired', 'cancelled_inferred', 'unknown')),
    exchange_status text,
    price           numeric,
    quantity        numeric,
    filled_quantity numeric,
    average_price   numeric,
    fees            jsonb,
    reduce_only     boolean,
    trigger_price   numeric,
    created_at      timestamptz,
    updated_at      timestamptz,
    -- The open-order scope that this order was last seen in.
    scope           text,
    run_id          uuid NOT NULL,
    as_of           timestamptz NOT NULL,
    observed_at     timestamptz NOT NULL,
    PRIMARY KEY (account_id, category, order_id)
);
CREATE INDEX orders_open ON alphapulse.orders (account_id, scope)
    WHERE status IN ('untriggered', 'open', 'partially_filled', 'unknown');
CREATE INDEX orders_created ON alphapulse.orders (account_id, created_at);

CREATE TABLE alphapulse.orders_history (
    account_id      uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    category        text NOT NULL,
    order_id        text NOT NULL,
    client_order_id text,
    symbol          text NOT NULL,
    side            text NOT NULL,
    order_type      text,
    time_in_force   text,
    status          text NOT NULL,
    exchange_status text,
    price           numeric,
    quantity        numeric,
    filled_quantity numeric,
    average_price   numeric,
    fees            jsonb,
    reduce_only     boolean,
    trigger_price   numeric,
    created_at      timestamptz,
    updated_at      timestamptz,
    scope           text,
    run_id          uuid NOT NULL,
    valid_from      timestamptz NOT NULL,
    valid_to        timestamptz,
    PRIMARY KEY (account_id, category, order_id, valid_from)
);
CREATE UNIQUE INDEX orders_history_open ON alphapulse.orders_history (account_id, category, order_id)
    WHERE valid_to IS NULL;

CREATE TABLE alphapulse.prices (
    market_id    uuid NOT NULL REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    category     text NOT NULL,
    symbol       text NOT NULL,
    last         numeric,
    bid          numeric,
    ask          numeric,
    mark         numeric,
    index        numeric,
    volume_24h   numeric,
    funding_rate numeric,
    scope        text NOT NULL,
    run_id       uuid NOT NULL,
    as_of        timestamptz NOT NULL,
    observed_at  timestamptz NOT NULL,
    PRIMARY KEY (market_id, category, symbol)
);

-- At most one row a minute for each symbol, and only of symbols that an account
-- of the market holds or has an order or a position in, or that are configured;
-- 30 days.
CREATE TABLE alphapulse.prices_history (
    market_id    uuid NOT NULL REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    category     text NOT NULL,
    symbol       text NOT NULL,
    last         numeric,
    bid          numeric,
    ask          numeric,
    mark         numeric,
    index        numeric,
    volume_24h   numeric,
    funding_rate numeric,
    scope        text NOT NULL,
    run_id       uuid NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_to     timestamptz,
    PRIMARY KEY (market_id, category, symbol, valid_from)
);
CREATE UNIQUE INDEX prices_history_open ON alphapulse.prices_history (market_id, category, symbol)
    WHERE valid_to IS NULL;
CREATE INDEX prices_history_age ON alphapulse.prices_history (valid_from);

-- How fresh each data type of each account is. An account's prices are its
-- market's. stale: no success yet, or the data is older than twice its cadence
-- (as stretched) plus 15 seconds, or the account is not being synchronized.
CREATE VIEW alphapulse.account_freshness AS
SELECT a.id AS account_id,
       a.name AS account,
       a.status AS account_status,
       s.data_type,
       s.every,
       m.stretch,
       t.last_attempt_at,
       t.last_success_at,
       t.as_of,
       clock_timestamp() - t.as_of AS age,
       a.status <> 'active' OR NOT s.enabled OR t.as_of IS NULL
           OR clock_timestamp() - t.as_of > 2 * s.every * m.stretch::double precision + interval '15 seconds' AS stale,
       coalesce(t.consecutive_failures, 0) AS consecutive_failures,
       t.last_error_class,
       t.last_error_message,
       coalesce(t.superseded_in_row, 0) AS superseded_in_row,
       s.skipped,
       NOT EXISTS (SELECT FROM alphapulse.sync_scopes c
                   WHERE c.subject_id = s.subject_id AND c.data_type = s.data_type AND NOT c.complete)
           AND t.as_of IS NOT NULL AS complete
FROM alphapulse.accounts a
JOIN alphapulse.markets m ON m.id = a.market_id
JOIN alphapulse.schedules s ON s.subject_id IN (a.id, a.market_id)
LEFT JOIN alphapulse.sync_state t ON t.subject_id = s.subject_id AND t.data_type = s.data_type
WHERE a.status <> 'removed';

-- Holdings valued in USDT by the spot price of their own market. What has no
-- price is listed with value NULL and priced false, never as zero. usd_value is
-- the exchange's own valuation, for comparison.
CREATE VIEW alphapulse.portfolio AS
SELECT a.id AS account_id,
       a.name AS account,
       b.wallet,
       b.asset,
       b.total,
       CASE WHEN b.asset = 'USDT' THEN 1 ELSE p.last END AS price,
       b.total * CASE WHEN b.asset = 'USDT' THEN 1 ELSE p.last END AS value_usdt,
       b.usd_value AS exchange_usd_value,
       b.asset = 'USDT' OR p.last IS NOT NULL AS priced,
       b.as_of AS holding_changed_at,
       p.as_of AS price_as_of
FROM alphapulse.balances b
JOIN alphapulse.accounts a ON a.id = b.account_id
LEFT JOIN alphapulse.prices p
    ON p.market_id = a.market_id AND p.category = 'spot' AND p.symbol = b.asset || 'USDT';

-- +goose Down
DROP VIEW alphapulse.portfolio, alphapulse.account_freshness;
DROP TABLE alphapulse.prices_history, alphapulse.prices, alphapulse.orders_history, alphapulse.orders,
    alphapulse.positions_history, alphapulse.positions, alphapulse.balances_history, alphapulse.balances;

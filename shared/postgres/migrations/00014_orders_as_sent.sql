-- +goose Up
-- An order that the exchange sends without a symbol or a side is stored like that:
-- refused, it would keep every other order of its job out.
ALTER TABLE alphapulse.orders ALTER COLUMN symbol DROP NOT NULL, ALTER COLUMN side DROP NOT NULL;
ALTER TABLE alphapulse.orders_history ALTER COLUMN symbol DROP NOT NULL, ALTER COLUMN side DROP NOT NULL;

-- +goose Down
DELETE FROM alphapulse.orders WHERE symbol IS NULL OR side IS NULL;
DELETE FROM alphapulse.orders_history WHERE symbol IS NULL OR side IS NULL;
ALTER TABLE alphapulse.orders ALTER COLUMN symbol SET NOT NULL, ALTER COLUMN side SET NOT NULL;
ALTER TABLE alphapulse.orders_history ALTER COLUMN symbol SET NOT NULL, ALTER COLUMN side SET NOT NULL;

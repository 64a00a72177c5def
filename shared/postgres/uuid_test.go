package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// TestListsOfIDsAreSentInBinary: and what is no id is still the server's to refuse.
func TestListsOfIDsAreSentInBinary(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	ids := []string{"0194f3a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b", "00000000-0000-0000-0000-000000000000", "FFFFFFFF-ffff-4fff-bfff-ffffffffffff"}
	rows, err := db.Query(t.Context(), `SELECT id::text FROM unnest($1::uuid[]) WITH ORDINALITY AS u (id, n) ORDER BY n`, ids)
	require.NoError(t, err)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{ids[0], ids[1], "ffffffff-ffff-4fff-bfff-ffffffffffff"}, got)

	var missing int
	require.NoError(t, db.QueryRow(t.Context(), `SELECT count(*) FROM unnest($1::uuid[]) id WHERE id IS NULL`, []*string{&ids[0], nil}).Scan(&missing))
	require.Equal(t, 1, missing)

	for _, no := range []string{"", "x", "urn:uuid:0194f3a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b", "0194f3a0-1c2d-7e3f-8a4b-5c6d7e8f9a0g"} {
		_, err := db.Exec(t.Context(), `SELECT $1::uuid[]`, []string{no})
		require.ErrorContains(t, err, "invalid input syntax for type uuid", "%q", no)
	}
	require.NoError(t, db.InTx(t.Context(), "encode", func(_ context.Context, tx pgx.Tx) error {
		sent, err := tx.Conn().TypeMap().Encode(pgtype.UUIDArrayOID, pgtype.BinaryFormatCode, ids, nil)
		require.Len(t, sent, 20+3*(4+16), "a header, and each id behind its length")
		return err
	}))
}

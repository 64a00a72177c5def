package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// registerUUIDs lets a connection send lists of ids, which are strings here, in binary.
// pgx cannot, and finds out by writing the whole list into an error before it sends it
// as text, which the server has to read again.
func registerUUIDs(_ context.Context, conn *pgx.Conn) error {
	one := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}}
	types := conn.TypeMap()
	types.RegisterType(one)
	types.RegisterType(&pgtype.Type{Name: "_uuid", OID: pgtype.UUIDArrayOID, Codec: &pgtype.ArrayCodec{ElementType: one}})
	return nil
}

// uuidCodec is pgx's, for strings as well.
type uuidCodec struct{ pgtype.UUIDCodec }

// PlanEncode knows strings in binary; as text pgx does.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(string); ok && format == pgtype.BinaryFormatCode {
		return uuidOfString{}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

// uuidChars is the length of an id in its usual form.
const uuidChars = 36

type uuidOfString struct{}

// Encode fails on what is no id in its usual form. pgx then sends the text, and the
// server says what it thinks of it.
func (uuidOfString) Encode(value any, buf []byte) ([]byte, error) {
	text, _ := value.(string)
	if len(text) != uuidChars {
		return nil, fmt.Errorf("%d characters are no UUID", len(text))
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, err
	}
	return append(buf, id[:]...), nil
}

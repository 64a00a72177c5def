// Package migrations holds the schema of the database, one goose file per
// change, numbered in order. A file that was released is never edited: a
// change is a new file.
//
// Goose keeps its own table in the schema too (alphapulse.schema_version), so
// that `DROP SCHEMA alphapulse CASCADE` and a new migration start from nothing
// together. The first file must therefore say CREATE SCHEMA IF NOT EXISTS.
package migrations

import "embed"

// FS holds the migration files.
//
//go:embed *.sql
var FS embed.FS

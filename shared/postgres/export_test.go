package postgres

// MigrateFS lets the external tests migrate with files of their own.
var MigrateFS = migrateFS

// SchemaLock is held while the schema is created.
const SchemaLock = schemaLock

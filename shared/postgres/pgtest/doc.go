// Package pgtest gives each test a Postgres database of its own, migrated, on a
// server that the test binary starts on first use.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		db := pgtest.New(t).Open(t)
//		…
//	}
//
// The server ends with the binary, also when that is killed. Its data is not
// flushed to disk, which a test that kills the machine's power would notice and
// no other. With ALPHAPULSE_TEST_DATABASE_URL set, databases are made on that
// server instead; its role must be allowed to create databases.
//
// Nothing but tests may import this package.
package pgtest

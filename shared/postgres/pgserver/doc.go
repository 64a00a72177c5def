// Package pgserver runs a private Postgres as a child process, for `alphapulse
// up` and for tests.
//
// # Guarantees
//
//   - The server listens on 127.0.0.1 and on a Unix socket in a directory that
//     only its user can enter. Its superuser is postgres, with a password if
//     Config.PasswordFile is set; then nobody gets in without one.
//   - It never outlives its parent for long: on Linux the kernel sends it a
//     fast shutdown when the parent dies, by kill -9 too. Elsewhere Stop must
//     be called.
//   - A terminal's Ctrl-C does not reach it: the parent decides when it stops.
//   - Nothing is ever deleted from a data directory. One made by another major
//     version, one in use, and a directory that holds something else are
//     refused with the reason and the next step.
//   - A data directory is either whole or absent: initdb works beside it, and
//     the result is renamed into place. If the process dies during initdb, the
//     next start begins it anew.
//   - Postgres refuses to run as root. A parent that is root starts it as the
//     owner of the data directory, else as user postgres, else nobody.
package pgserver

// Package databases runs Postgres servers as child processes and does to them,
// and to the connections to them, what a database suffers in production.
//
// # Three places where a fault strikes
//
//   - Server and Replica: the processes. They are killed, paused, stopped,
//     promoted and demoted, and start again on the same port.
//   - Side sessions of a Server: tables and rows locked (Lock, LockTable,
//     Deadlock), all connections taken (Crowd), sessions ended (Terminate), the
//     disk full (SmallDisk).
//   - Link: the way to a server. Connections are cut, frozen and slowed, and
//     single statements are lost, held back, or answered with an error.
//
// # Whether it struck
//
// A fault that nobody met proves nothing. Link's traps and the side sessions
// count whom they struck, and Server.Logged counts the errors of one SQLSTATE in
// the server's own log.
//
// The package knows nothing of what uses the database.
package databases

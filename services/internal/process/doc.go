// Package process runs a command that a fault can kill, stop, continue and start
// again, and keeps what it writes over all its lives in one file. A child dies
// with the process that started it.
package process

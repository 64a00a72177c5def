// Package link is a connection that can be slow, cut in pieces, reset, deaf in
// one direction, or gone: a TCP proxy between a client and a server of this
// machine, which needs no privilege.
package link

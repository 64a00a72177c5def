// Package brokers runs real nats-servers with JetStream as child processes and
// does to them what brokers live through: killed, stopped, wiped, restored from
// an older copy, a bit flipped, the disk full, the power cut, the leader or the
// quorum gone, a node behind a partition.
//
// A child is the running program itself: main and TestMain call RunIfChild
// first. What clients see of a network is the business of package link, what a
// disk keeps that of package disk.
package brokers

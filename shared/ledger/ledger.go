package ledger

import (
	"errors"
	"time"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// The answers that are not failures of the database.
var (
	ErrNotFound  = errors.New("not found")
	ErrNameTaken = errors.New("an account of that name exists")
	ErrPending   = errors.New("the account's key has not been probed yet")
	ErrPaused    = errors.New("the account is paused")
	// ErrFenced: the job is no longer this claim's. Nothing was written.
	ErrFenced = errors.New("the claim no longer holds the job")
)

// Channels that NOTIFY uses. They are hints: a poll of one second is the net.
const (
	ChannelJobs     = "alphapulse_jobs"     // a job is due to be published
	ChannelRuns     = "alphapulse_runs"     // a run ended; payload: its id
	ChannelAccounts = "alphapulse_accounts" // a market or an account was added or changed
	ChannelReplays  = "alphapulse_replays"  // a replay was asked for; payload: its id
)

// Settings are the numbers of the protocol.
type Settings struct {
	Lease time.Duration // how long a claim holds without a heartbeat
	// UnconfirmedAfter is how long a published job may be without a stream
	// sequence before it is published again.
	UnconfirmedAfter time.Duration
	Retention        time.Duration // of ended runs, their jobs and attempts
	// AccountWindows is how many jobs of one account and type may be out in lane
	// backfill at a time; the others are held back.
	AccountWindows int
	// VerifySample is the share of an account's stored windows that its daily
	// verification compares.
	VerifySample float64
}

// DefaultSettings are those of docs/protocol.md.
func DefaultSettings() Settings {
	return Settings{
		Lease:            10 * time.Second,
		UnconfirmedAfter: 10 * time.Second,
		Retention:        30 * 24 * time.Hour,
		AccountWindows:   4,
		VerifySample:     0.05,
	}
}

// Ledger reads and writes the tables of the protocol through one pool.
type Ledger struct {
	db  *postgres.DB
	set Settings
}

// New gives a Ledger on db. Zero settings are the defaults.
func New(db *postgres.DB, set Settings) *Ledger {
	def := DefaultSettings()
	if set.Lease == 0 {
		set.Lease = def.Lease
	}
	if set.UnconfirmedAfter == 0 {
		set.UnconfirmedAfter = def.UnconfirmedAfter
	}
	if set.Retention == 0 {
		set.Retention = def.Retention
	}
	if set.AccountWindows == 0 {
		set.AccountWindows = def.AccountWindows
	}
	if set.VerifySample == 0 {
		set.VerifySample = def.VerifySample
	}
	return &Ledger{db: db, set: set}
}

// Settings gives the numbers in force.
func (l *Ledger) Settings() Settings { return l.set }

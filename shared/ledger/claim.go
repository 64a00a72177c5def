package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Answer is what a claim is told.
type Answer string

const (
	// Mine: the job is this claim's until its lease ends.
	Mine Answer = "mine"
	// Done: terminal or unknown; nothing to do but to report and ack.
	Done Answer = "done"
	// NotDue: it waits, or is held back; the sweep publishes it when it is due.
	NotDue Answer = "not due"
	// Busy: another claim works on it, and this very message is what would
	// bring the job back if that claim died: nak for the rest of the lease.
	Busy Answer = "busy"
	// BusyElsewhere: another claim works on it, from another message: ack.
	BusyElsewhere Answer = "busy elsewhere"
	// Sibling: another job of the same subject and type is running; this one
	// now waits for it.
	Sibling Answer = "sibling"
	// ExhaustedAnswer: no attempt was left; the job has ended.
	ExhaustedAnswer Answer = "exhausted"
	// Inactive: the account is not to be synchronized; the job has ended.
	Inactive Answer = "inactive"
)

// ClaimRequest is a delivered message that wants its job.
type ClaimRequest struct {
	JobID string
	Claim string // a fresh UUID
	Owner string // the worker's name, for people
	// Publishes is the number of the publication that the message is of.
	Publishes int
	// Seq and StreamCreated say where the message is. They are stored with the claim if
	// the job has no place of this publication yet; zero: not known.
	Seq           uint64
	StreamCreated time.Time
}

// Claimed is a job in the hands of a worker, with all that it needs to know.
type Claimed struct {
	JobID       string
	RunID       string
	Claim       string
	DataType    syncjob.DataType
	Lane        syncjob.Lane
	Trigger     syncjob.Trigger
	Subject     syncjob.Subject
	MarketID    string
	Exchange    string
	Environment string
	BaseURL     string
	Account     string // name; "" for a market's job
	// ExchangeUID is whose account this is, as a probe found it; before the first
	// one, the UID that was given when it was added, or "".
	ExchangeUID string
	Mode        string // the account's, as the last probe found it
	AllowWrite  bool
	Attempt     int
	MaxAttempts int
	KeyVersion  int
	Sealed      []byte // credentials under KeyVersion; nil for a market's job
	Window      *Window
	Params      json.RawMessage
	LastClass   syncjob.Class // of the attempt before; "" if there was none
	Lease       time.Duration
	Timeout     time.Duration
	// ClaimedAt is the database's clock at the claim.
	ClaimedAt time.Time

	asOf *time.Time // of what earlier attempts stored; nil: nothing
}

// attemptAfter is the attempt count that an outcome leaves behind. It is
// absolute, so that recording an outcome twice takes nothing off twice.
func (c *Claimed) attemptAfter(out Outcome) int {
	if out.Status == syncjob.Waiting && !out.Counted {
		return c.Attempt - 1
	}
	return c.Attempt
}

// asOfAfter is the time of the data stored by this attempt, or else by those
// before it.
func (c *Claimed) asOfAfter(out Outcome) *time.Time {
	if out.AsOf.IsZero() {
		return c.asOf
	}
	return &out.AsOf
}

// LastAttempt reports whether no attempt follows this one.
func (c Claimed) LastAttempt() bool { return c.Attempt >= c.MaxAttempts }

// Window is the half-open span [From, To) that a history job reads.
type Window struct{ From, To time.Time }

// Refusal is an Answer that is not Mine, with what the worker needs to act on
// it: the rest of the lease for Busy, and the job's status and error class as
// the answer left them.
type Refusal struct {
	Answer  Answer
	Wait    time.Duration
	Status  syncjob.Status
	Class   syncjob.Class
	RunID   string
	Claim   string
	Changed int64
}

// Claim takes a queued job. The attempt is counted in the same committed
// UPDATE, so a job that kills its process runs out of attempts.
func (l *Ledger) Claim(ctx context.Context, req ClaimRequest) (*Claimed, Refusal, error) {
	jobs, err := l.claimQueued(ctx, []ClaimRequest{req})
	switch {
	case err == nil && jobs[0] != nil:
		return jobs[0], Refusal{}, nil
	case err == nil, postgres.Violates(err, "sync_jobs_one_running"):
		refusal, err := l.refuse(ctx, req)
		return nil, refusal, err
	case errors.Is(notFound(err, "job %s", req.JobID), ErrNotFound): // not a UUID: forged
		return nil, Refusal{Answer: Done}, nil
	default:
		return nil, Refusal{}, fmt.Errorf("claiming job %s: %w", req.JobID, err)
	}
}

// ClaimGroup takes queued jobs by one statement, and gives nil in place of each
// that it did not take: Claim says why, or takes it after all. So it does for all
// of them after an error.
func (l *Ledger) ClaimGroup(ctx context.Context, group []ClaimRequest) ([]*Claimed, error) {
	jobs, err := l.claimQueued(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("claiming %d jobs: %w", len(group), err)
	}
	return jobs, nil
}

// claimable is when a queued job may be claimed: it was published, an attempt
// is left, its run is open and within its deadline, its subject is to be
// synchronized, and no live sibling is running. The partial unique index
// sync_jobs_one_running is the net below the last one.
const claimable = `
    j.status || '' = 'queued' AND j.next_at IS NULL AND j.attempt < j.max_attempts
AND k.run_status = 'running' AND (k.deadline_at IS NULL OR k.deadline_at > clock_timestamp())
AND (j.account_id IS NULL OR k.account_status = 'active'
     OR (j.data_type = 'probe' AND j.trigger <> 'schedule' AND k.account_status <> 'removed'))
AND (j.lane <> 'live' OR (
        SELECT true FROM alphapulse.sync_jobs s
        WHERE s.subject_id = j.subject_id AND s.data_type = j.data_type AND s.lane = 'live' AND s.status = 'running'
        LIMIT 1) IS NULL)
AND NOT k.paused`

// unplaced is when the claim stores where its message is: the receipt of this
// publication is not stored yet, and then finds nothing to store.
const unplaced = `j.stream_seq IS NULL AND j.publishes = k.publishes AND k.created IS NOT NULL`

// unflushed lets a transaction whose loss does no harm commit without waiting for
// the disk.
const unflushed = `SELECT set_config('synchronous_commit', 'off', true)`

// claimQueued takes those of the jobs that are claimable, of a live subject and
// type one. The commit is not flushed: a crash of the server that forgets a claim
// leaves the job queued, and what the claim then wants to store is fenced off.
func (l *Ledger) claimQueued(ctx context.Context, group []ClaimRequest) ([]*Claimed, error) {
	claim := fmt.Sprintf(`
UPDATE alphapulse.sync_jobs j
SET status = 'running', attempt = j.attempt + 1, claim = k.claim, owner = k.owner,
    claimed_at = clock_timestamp(),
    lease_until = clock_timestamp() + $7::interval,
    timeout_at = clock_timestamp() + CASE j.lane WHEN 'live' THEN $8::interval ELSE $9::interval END,
    started_at = coalesce(j.started_at, clock_timestamp()),
    stream_seq = CASE WHEN %[4]s THEN k.seq ELSE j.stream_seq END,
    stream_created = CASE WHEN %[4]s THEN k.created ELSE j.stream_created END,
    key_version = k.version
FROM (%[1]s) k
WHERE %[2]s AND %[3]s
RETURNING j.id, j.run_id, j.claim, j.data_type, j.lane, j.trigger,
          CASE WHEN j.account_id IS NULL THEN 'market' ELSE 'account' END, j.subject_id,
          k.market, k.exchange, k.environment, k.base_url, coalesce(k.name, ''), coalesce(k.exchange_uid, k.expected_uid, ''),
          coalesce(k.account_mode, ''),
          coalesce(k.allow_write_key, false), j.attempt, j.max_attempts, coalesce(j.key_version, 0), k.sealed,
          j."window", j.params, coalesce(j.error_class, ''), j.timeout_at - j.claimed_at, j.claimed_at, j.as_of`,
		candidates(), keyed("j.id", "k.id"), claimable, unplaced)
	asked := requestColumnsOf(group)
	taken := make(map[string]*Claimed, len(group))
	batch := &pgx.Batch{}
	batch.Queue(unflushed)
	batch.Queue(claim, asked.ids, asked.claims, asked.owners, asked.publishes, asked.seqs, asked.created, l.set.Lease, syncjob.JobTimeout(syncjob.Live), syncjob.JobTimeout(syncjob.Backfill)).
		Query(func(rows pgx.Rows) error {
			jobs, err := pgx.CollectRows(rows, l.scanClaimed)
			for _, job := range jobs {
				taken[job.Claim] = job
			}
			return err
		})
	if err := l.db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	jobs := make([]*Claimed, len(group))
	for i, req := range group {
		jobs[i] = taken[req.Claim]
	}
	return jobs, nil
}

// candidates are the jobs that a group asks for, of a live subject and type the oldest,
// in the order of their ids, with what is known of their runs, accounts and markets.
func candidates() string {
	return fmt.Sprintf(`
SELECT one.*, r.status AS run_status, r.deadline_at, a.status AS account_status, a.name, a.exchange_uid, a.expected_uid,
       a.account_mode, a.allow_write_key, c.version, c.sealed, m.id AS market, m.exchange, m.environment, m.base_url,
       %s AS paused
FROM (SELECT * FROM (
          SELECT DISTINCT ON (q.subject_id, q.data_type, CASE q.lane WHEN 'live' THEN NULL ELSE q.id END) q.*, u.claim, u.owner,
                 u.publishes, u.seq, u.created
          FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::integer[], $5::bigint[], $6::timestamptz[])
               AS u (id, claim, owner, publishes, seq, created)
          CROSS JOIN LATERAL (SELECT id, run_id, subject_id, account_id, market_id, data_type, lane, params, queued_at
                              FROM alphapulse.sync_jobs WHERE id = u.id OFFSET 0) q
          ORDER BY q.subject_id, q.data_type, CASE q.lane WHEN 'live' THEN NULL ELSE q.id END, q.queued_at, q.id) oldest
      ORDER BY oldest.id) one
CROSS JOIN LATERAL (SELECT * FROM alphapulse.sync_runs WHERE id = one.run_id OFFSET 0) r
LEFT JOIN LATERAL (SELECT * FROM alphapulse.accounts WHERE id = one.account_id OFFSET 0) a ON true
LEFT JOIN LATERAL (SELECT * FROM alphapulse.account_credentials
                   WHERE account_id = a.id AND version = coalesce((one.params ->> 'key_version')::integer, a.key_version)
                   OFFSET 0) c ON true
CROSS JOIN LATERAL (SELECT * FROM alphapulse.markets WHERE id = coalesce(one.market_id, a.market_id) OFFSET 0) m
OFFSET 0`, pausedFor("m", "one.account_id", "one.data_type", "one.lane"))
}

// requestColumns are requests as columns.
type requestColumns struct {
	ids, claims, owners []string
	publishes           []int
	seqs                []int64
	created             []*time.Time // nil: where the message is is not known
}

func requestColumnsOf(group []ClaimRequest) requestColumns {
	var r requestColumns
	for i := range group {
		req := &group[i]
		r.ids, r.claims, r.owners = append(r.ids, req.JobID), append(r.claims, req.Claim), append(r.owners, req.Owner)
		r.publishes, r.seqs = append(r.publishes, req.Publishes), append(r.seqs, int64(req.Seq)) //nolint:gosec // a stream's
		created := &req.StreamCreated
		if created.IsZero() {
			created = nil
		}
		r.created = append(r.created, created)
	}
	return r
}

func (l *Ledger) scanClaimed(row pgx.CollectableRow) (*Claimed, error) {
	job := &Claimed{Lease: l.set.Lease}
	var window *pgtype.Range[pgtype.Timestamptz]
	err := row.Scan(&job.JobID, &job.RunID, &job.Claim, &job.DataType, &job.Lane, &job.Trigger,
		&job.Subject.Kind, &job.Subject.ID, &job.MarketID, &job.Exchange, &job.Environment, &job.BaseURL,
		&job.Account, &job.ExchangeUID, &job.Mode, &job.AllowWrite, &job.Attempt, &job.MaxAttempts, &job.KeyVersion,
		&job.Sealed, &window, &job.Params, &job.LastClass, &job.Timeout, &job.ClaimedAt, &job.asOf)
	job.Window = optionalWindow(window)
	return job, err
}

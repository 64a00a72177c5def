package worker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// storedScope is what sync_scopes says of a scope whose row is locked.
type storedScope struct {
	asOf time.Time // zero: nothing was stored yet
}

// supersedes reports that a snapshot must not be stored, because it is not newer.
func (s storedScope) supersedes(p part) bool {
	return p.stores && !p.history && !s.asOf.IsZero() && !p.asOf.After(s.asOf)
}

func asOfs(scopes map[string]storedScope) map[string]time.Time {
	stored := map[string]time.Time{}
	for name, s := range scopes {
		if !s.asOf.IsZero() {
			stored[name] = s.asOf
		}
	}
	return stored
}

// scopeKeys name the scopes of a group of jobs, as columns in the order of the
// table's key.
type scopeKeys struct{ accounts, markets, subjects, types, scopes []string }

type scopeKey struct {
	subject syncjob.Subject
	t       syncjob.DataType
	scope   string
}

func (k scopeKey) compare(other scopeKey) int {
	return cmp.Or(cmp.Compare(k.subject.ID, other.subject.ID), cmp.Compare(k.t, other.t), cmp.Compare(k.scope, other.scope))
}

// columnsOfSubject are the two columns of which one holds a subject's id; "" is NULL.
func columnsOfSubject(s syncjob.Subject) (account, market string) {
	if s.Kind == syncjob.Market {
		return "", s.ID
	}
	return s.ID, ""
}

func columnsOf(keys []scopeKey) scopeKeys {
	slices.SortFunc(keys, scopeKey.compare)
	var c scopeKeys
	for _, k := range keys {
		account, market := columnsOfSubject(k.subject)
		c.accounts, c.markets = append(c.accounts, account), append(c.markets, market)
		c.subjects = append(c.subjects, k.subject.ID)
		c.types, c.scopes = append(c.types, string(k.t)), append(c.scopes, k.scope)
	}
	return c
}

// lockScopes locks the row of every scope that was touched, making it if need
// be, and tells each job what is stored.
func lockScopes(ctx context.Context, tx pgx.Tx, all []*storing) error {
	missing, err := lockKnown(ctx, tx, all, touchedScopes(all))
	if err != nil || len(missing) == 0 {
		return err
	}
	const insert = `
INSERT INTO alphapulse.sync_scopes (account_id, market_id, data_type, scope)
SELECT nullif(u.account, '')::uuid, nullif(u.market, '')::uuid, u.data_type, u.scope
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS u (account, market, data_type, scope)
ON CONFLICT (subject_id, data_type, scope) DO NOTHING`
	c := columnsOf(missing)
	if _, err := tx.Exec(ctx, insert, c.accounts, c.markets, c.types, c.scopes); err != nil {
		return fmt.Errorf("making scopes: %w", err)
	}
	// All again, in one order: one that was made meanwhile by somebody else is not
	// locked yet.
	_, err = lockKnown(ctx, tx, all, touchedScopes(all))
	return err
}

// touchedScopes are the scopes that are guarded by their row and not settled yet.
func touchedScopes(all []*storing) []scopeKey {
	var keys []scopeKey
	for _, s := range all {
		for _, p := range s.guarded(s.parts) {
			if !s.silent[p.scope] {
				keys = append(keys, s.key(p))
			}
		}
	}
	return keys
}

func (s *storing) key(p part) scopeKey { return scopeKey{s.job.Subject, s.job.DataType, p.scope} }

// touchSilent brings the scopes up to date whose snapshot equals the last one that was
// stored, if only the schedule asks, and is newer than it: the one UPDATE is guard and
// record, and of their rows nothing is written or even compared. All others are locked
// and looked at.
func touchSilent(ctx context.Context, tx pgx.Tx, all []*storing) error {
	by := bySubject(all)
	var keys []scopeKey
	parts := map[scopeKey]part{}
	for _, s := range all {
		s.silent = map[string]bool{}
		for _, p := range s.parts {
			if s.mayBeSilent(p) {
				keys, parts[s.key(p)] = append(keys, s.key(p)), p
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	const touch = `
UPDATE alphapulse.sync_scopes c
SET as_of = u.as_of, complete = true, error_class = NULL, error_code = NULL, error_message = NULL, error_payload = NULL,
    error_at = NULL
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[]) AS u (subject, data_type, scope, as_of, hash)
WHERE c.subject_id BETWEEN u.subject AND u.subject AND c.data_type = u.data_type AND c.scope = u.scope
  AND c.content_hash = u.hash AND c.as_of < u.as_of
RETURNING c.subject_id::text, c.data_type, c.scope`
	c := columnsOf(keys)
	asOf, hashes := make([]time.Time, len(keys)), make([][]byte, len(keys))
	for i, k := range keys {
		asOf[i], hashes[i] = parts[k].asOf, parts[k].hash
	}
	rows, err := tx.Query(ctx, touch, c.subjects, c.types, c.scopes, asOf, hashes)
	if err != nil {
		return fmt.Errorf("touching unchanged scopes: %w", err)
	}
	var subject, dataType, scope string
	_, err = pgx.ForEachRow(rows, []any{&subject, &dataType, &scope}, func() error {
		by[subject+dataType].silent[scope] = true
		return nil
	})
	if err != nil {
		return fmt.Errorf("touching unchanged scopes: %w", err)
	}
	return nil
}

// mayBeSilent: a row that was changed behind our back is found by jobs that somebody
// asks for, and by verification; so only the schedule relies on the hash.
func (s *storing) mayBeSilent(p part) bool {
	return s.job.Trigger == syncjob.Schedule && p.writer != nil && p.stores && p.fault == nil && p.hash != nil && !p.asOf.IsZero()
}

// bySubject finds the job of a subject and type, of which a group has one.
func bySubject(all []*storing) map[string]*storing {
	by := make(map[string]*storing, len(all))
	for _, s := range all {
		by[s.job.Subject.ID+string(s.job.DataType)] = s
	}
	return by
}

// lockKnown locks the rows that there are, one after the other in the order of
// their keys, and gives the keys that have none.
func lockKnown(ctx context.Context, tx pgx.Tx, all []*storing, keys []scopeKey) ([]scopeKey, error) {
	by := bySubject(all)
	for _, s := range all {
		s.stored = map[string]storedScope{}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	const lock = `
SELECT c.subject_id::text, c.data_type, c.scope, c.as_of
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS u (subject, data_type, scope) CROSS JOIN LATERAL (
    SELECT * FROM alphapulse.sync_scopes x
    WHERE x.subject_id = u.subject AND x.data_type = u.data_type AND x.scope = u.scope
    LIMIT 1 FOR NO KEY UPDATE) c`
	c := columnsOf(keys)
	rows, err := tx.Query(ctx, lock, c.subjects, c.types, c.scopes)
	if err != nil {
		return nil, fmt.Errorf("locking scopes: %w", err)
	}
	var subject, dataType, scope string
	var asOf *time.Time
	_, err = pgx.ForEachRow(rows, []any{&subject, &dataType, &scope, &asOf}, func() error {
		var known storedScope
		if asOf != nil {
			known.asOf = *asOf
		}
		by[subject+dataType].stored[scope] = known
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("locking scopes: %w", err)
	}
	return slices.DeleteFunc(keys, func(k scopeKey) bool {
		_, known := by[k.subject.ID+string(k.t)].stored[k.scope]
		return known
	}), nil
}

// scopeRows say how the walks of scopes ended, as columns.
type scopeRows struct {
	subjects, types, scopes           []string
	asOf, watermark                   []*time.Time
	complete                          []bool
	classes, codes, messages, payload []*string
	hashes                            [][]byte
}

func (r *scopeRows) add(job *ledger.Claimed, p part) {
	r.subjects, r.types, r.scopes = append(r.subjects, job.Subject.ID), append(r.types, string(job.DataType)), append(r.scopes, p.scope)
	var asOf, watermark *time.Time
	if p.stores && !p.asOf.IsZero() {
		asOf = &p.asOf
	}
	if mark := p.watermark(); !mark.IsZero() {
		watermark = &mark
	}
	r.asOf, r.watermark = append(r.asOf, asOf), append(r.watermark, watermark)
	var class, code, message, payload *string
	if p.fault != nil {
		text, body := faultText(p.fault), columnText(p.fault.Payload)
		class, code, message, payload = (*string)(&p.fault.Class), &p.fault.Code, &text, &body
	}
	r.complete = append(r.complete, p.fault == nil)
	r.classes, r.codes = append(r.classes, class), append(r.codes, code)
	r.messages, r.payload = append(r.messages, message), append(r.payload, payload)
	r.hashes = append(r.hashes, p.hash)
}

// queue records how the walk of each scope ended. Their rows are there, and locked by
// this transaction. A walk that stored nothing leaves as_of; a watermark never goes
// back. Only lane live moves what belongs to a history.
//
// The subject is compared as a range, here and where scopes are deleted, so that the
// statement can only be run from the given rows to the table: a plan is made once in the
// life of a connection, and the other way round it reads all scopes for each group.
func (r *scopeRows) queue(batch *pgx.Batch) {
	if len(r.scopes) == 0 {
		return
	}
	const update = `
UPDATE alphapulse.sync_scopes c
SET as_of = greatest(c.as_of, u.as_of), complete = u.complete,
    watermark = greatest(c.watermark, u.watermark),
    error_class = u.class, error_code = u.code, error_message = u.message, error_payload = u.payload,
    error_at = CASE WHEN u.complete THEN NULL ELSE clock_timestamp() END,
    content_hash = CASE WHEN u.as_of IS NULL THEN c.content_hash ELSE u.hash END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::boolean[], $6::timestamptz[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::bytea[])
         AS u (subject, data_type, scope, as_of, complete, watermark, class, code, message, payload, hash)
WHERE c.subject_id BETWEEN u.subject AND u.subject AND c.data_type = u.data_type AND c.scope = u.scope`
	batch.Queue(update, r.subjects, r.types, r.scopes, r.asOf, r.complete, r.watermark, r.classes, r.codes,
		r.messages, r.payload, r.hashes)
}

package worker

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// queueQuarantine keeps the rows of a part that were not understood. The same
// row met again counts up.
func (a *attempt) queueQuarantine(batch *pgx.Batch, p part) {
	upsert := fmt.Sprintf(`
INSERT INTO alphapulse.quarantine AS q (%s, data_type, scope, row_key, reason, payload, payload_hash, run_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (subject_id, data_type, scope, payload_hash) DO UPDATE
SET row_key = excluded.row_key, reason = excluded.reason, payload = excluded.payload, run_id = excluded.run_id,
    last_seen_at = clock_timestamp(), seen = q.seen + 1`, a.subjectColumn())
	kept := map[[sha256.Size]byte]bool{}
	for _, f := range p.faults {
		hash := quarantineHash(p, f)
		if kept[hash] {
			continue
		}
		kept[hash] = true
		batch.Queue(upsert, a.job.Subject.ID, string(a.job.DataType), p.wireScope(), f.Key, f.Reason,
			columnText(f.Payload), hash[:], a.job.RunID)
	}
}

// quarantineHash says which rows are the same one met again. A row of the past
// does not change; one of a snapshot looks different every time, and is the same
// while its key is, or if it has none, what is wrong with it.
func quarantineHash(p part, f exchange.RowFault) [sha256.Size]byte {
	switch {
	case p.history:
		return sha256.Sum256([]byte("payload\n" + f.Key + "\n" + string(f.Payload)))
	case f.Key != "":
		return sha256.Sum256([]byte("key\n" + f.Key))
	default:
		return sha256.Sum256([]byte("reason\n" + f.Reason))
	}
}

// columnText is what the exchange sent as a text column can hold it: valid, and
// without a zero byte.
func columnText(payload []byte) string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(payload), "\uFFFD"), "\x00", "\uFFFD")
}

package ledger

import "fmt"

// runningJobs selects columns of the running jobs that meet a condition, lane by lane:
// the live ones are found by the index that allows one for each subject and type, and
// those of lane backfill, of which there are few, by one of their own. So the claim of a
// live job writes one index less.
func runningJobs(columns, condition string) string {
	const of = `
    SELECT %[1]s FROM alphapulse.sync_jobs WHERE status = 'running' AND lane = 'live' AND %[2]s
    UNION ALL
    SELECT %[1]s FROM alphapulse.sync_jobs WHERE status = 'running' AND lane = 'backfill' AND %[2]s`
	return fmt.Sprintf(of, columns, condition)
}

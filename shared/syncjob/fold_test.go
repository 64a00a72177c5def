package syncjob_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// jobs draws the jobs of a run from one to three states, so that runs of one
// state, where the law turns, are common.
func jobs() *rapid.Generator[[]syncjob.Ended] {
	return rapid.Custom(func(t *rapid.T) []syncjob.Ended {
		states := rapid.SliceOfN(rapid.SampledFrom(syncjob.Statuses()), 1, 3).Draw(t, "states")
		return rapid.SliceOfN(ended(states), 0, 6).Draw(t, "jobs")
	})
}

func ended(states []syncjob.Status) *rapid.Generator[syncjob.Ended] {
	return rapid.Custom(func(t *rapid.T) syncjob.Ended {
		job := syncjob.Ended{Status: rapid.SampledFrom(states).Draw(t, "status")}
		if job.Status == syncjob.Cancelled {
			job.Cancel = rapid.SampledFrom([]syncjob.CancelReason{
				syncjob.CancelDeadline, syncjob.CancelUser, syncjob.CancelPaused, syncjob.CancelRemoved,
			}).Draw(t, "reason")
		}
		return job
	})
}

// law is rule 18 as it is written: the first line that holds is the answer.
func law(jobs []syncjob.Ended) syncjob.RunStatus {
	count := func(is func(syncjob.Ended) bool) (n int) {
		for _, job := range jobs {
			if is(job) {
				n++
			}
		}
		return n
	}
	among := func(statuses ...syncjob.Status) int {
		return count(func(j syncjob.Ended) bool { return slices.Contains(statuses, j.Status) })
	}
	switch {
	case len(jobs) == 0 || among(syncjob.Queued, syncjob.Running, syncjob.Waiting) > 0:
		return syncjob.RunRunning
	case count(func(j syncjob.Ended) bool {
		return j.Status == syncjob.Cancelled && j.Cancel == syncjob.CancelDeadline
	}) > 0:
		return syncjob.RunExpired
	case among(syncjob.Cancelled) == len(jobs):
		return syncjob.RunCancelled
	case among(syncjob.Succeeded, syncjob.Skipped) == len(jobs):
		return syncjob.RunSucceeded
	case among(syncjob.Succeeded, syncjob.Skipped, syncjob.Partial) == 0:
		return syncjob.RunFailed
	default:
		return syncjob.RunPartial
	}
}

func TestRule18FoldIsTheLaw(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		of := jobs().Draw(t, "run")
		require.Equal(t, law(of), syncjob.Fold(of))
	})
}

func TestRule18FoldIsIndependentOfOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		of := jobs().Draw(t, "run")
		shuffled := rapid.Permutation(of).Draw(t, "shuffled")
		require.Equal(t, syncjob.Fold(of), syncjob.Fold(shuffled))
	})
}

func TestFoldByExample(t *testing.T) {
	t.Parallel()
	deadline := syncjob.Ended{Status: syncjob.Cancelled, Cancel: syncjob.CancelDeadline}
	user := syncjob.Ended{Status: syncjob.Cancelled, Cancel: syncjob.CancelUser}
	of := func(statuses ...syncjob.Status) (jobs []syncjob.Ended) {
		for _, s := range statuses {
			jobs = append(jobs, syncjob.Ended{Status: s})
		}
		return jobs
	}
	for name, test := range map[string]struct {
		jobs []syncjob.Ended
		want syncjob.RunStatus
	}{
		"no jobs":                        {nil, syncjob.RunRunning},
		"one open":                       {of(syncjob.Succeeded, syncjob.Waiting), syncjob.RunRunning},
		"expired beats success":          {append(of(syncjob.Succeeded), deadline), syncjob.RunExpired},
		"expired beats cancelled":        {[]syncjob.Ended{user, deadline}, syncjob.RunExpired},
		"all cancelled":                  {[]syncjob.Ended{user, user}, syncjob.RunCancelled},
		"skipped is good":                {of(syncjob.Succeeded, syncjob.Skipped), syncjob.RunSucceeded},
		"nothing stored":                 {of(syncjob.Failed, syncjob.Dead), syncjob.RunFailed},
		"cancelled and failed":           {append(of(syncjob.Failed), user), syncjob.RunFailed},
		"some stored":                    {of(syncjob.Succeeded, syncjob.Failed), syncjob.RunPartial},
		"a partial job alone is partial": {of(syncjob.Partial), syncjob.RunPartial},
		"success and cancelled":          {append(of(syncjob.Succeeded), user), syncjob.RunPartial},
	} {
		require.Equal(t, test.want, syncjob.Fold(test.jobs), name)
	}
}

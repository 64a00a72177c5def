package ledger

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// sameReading is what a snapshot's job reads, whoever asks for it.
type sameReading struct {
	Type syncjob.DataType
	Lane syncjob.Lane
}

// planRequeue decides about the letters of one subject, the latest first, and
// makes the jobs. asleep is why the subject is not to be synchronized.
func planRequeue(letters []DeadLetter, asleep error) ([]DeadDecision, []newJob, error) {
	decisions := make([]DeadDecision, len(letters))
	var jobs []newJob
	shared := map[sameReading]string{}
	for i, d := range letters {
		decisions[i] = DeadDecision{Letter: d, Action: DeadRequeue}
		if reason := notRequeued(d, asleep); reason != "" {
			decisions[i].Action, decisions[i].Reason = DeadRefuse, reason
			continue
		}
		key := sameReading{d.DataType, d.Lane}
		if id := shared[key]; id != "" && snapshotOnly(d) {
			decisions[i].Action, decisions[i].Replacement = DeadJoin, id
			continue
		}
		job, err := replacementOf(d)
		if err != nil {
			return nil, nil, err
		}
		decisions[i].Replacement = job.ID
		if snapshotOnly(d) {
			shared[key] = job.ID
		}
		jobs = append(jobs, job)
	}
	return decisions, jobs, nil
}

func snapshotOnly(d DeadLetter) bool { return d.Window == nil && d.Params == nil }

func replacementOf(d DeadLetter) (newJob, error) {
	job := newJob{ID: uuid.NewString(), Type: d.DataType, Lane: d.Lane, Window: d.Window, ReplayOf: d.JobID}
	if d.Params == nil {
		return job, nil
	}
	if err := json.Unmarshal(d.Params, &job.Params); err != nil {
		return job, fmt.Errorf("reading the parameters of job %s: %w", d.JobID, err)
	}
	return job, nil
}

// notRequeued says why a letter is not requeued; "" if it is.
func notRequeued(d DeadLetter, asleep error) string {
	r := d.Resolution
	switch {
	case asleep != nil:
		return "its account is not to be synchronized: " + asleep.Error()
	case r != nil && r.What == Requeued && r.ReplacementStatus == syncjob.Dead:
		return "it was requeued as " + r.ReplacementJobID + ", which died too: requeue that one"
	case r != nil && r.What == Requeued && r.Settled:
		return "it was requeued as " + r.ReplacementJobID + ", which is " + orPruned(r.ReplacementStatus)
	}
	return notRepeated(d.DataType, d.Trigger, d.Params != nil)
}

// notRepeated says why the work of a job is not repeated by a replay, and what
// does it instead; "" if it is. A verification or a repair that came back as a
// replay would do something else: compare nothing, overwrite nothing.
func notRepeated(t syncjob.DataType, trigger syncjob.Trigger, params bool) string {
	switch {
	case t == syncjob.Probe:
		return "a probe is made anew: `alphapulse accounts test NAME`"
	case trigger == syncjob.TriggerVerify:
		return "a verification is made anew: `alphapulse verify NAME`"
	case trigger == syncjob.Repair && params:
		return "a retry of rows in quarantine is made anew: `alphapulse quarantine retry`"
	case trigger == syncjob.Repair:
		return "a repair is made anew: `alphapulse verify NAME --repair`"
	default:
		return ""
	}
}

func orPruned(s syncjob.Status) string {
	if s == "" {
		return "pruned by now"
	}
	return string(s)
}

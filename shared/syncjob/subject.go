package syncjob

// SubjectKind tells accounts from markets.
type SubjectKind string

// A subject is an account (private data types) or a market (shared ones).
const (
	Account SubjectKind = "account"
	Market  SubjectKind = "market"
)

// Subject is whom a job or a run is about. ID is a UUID in text form.
type Subject struct {
	Kind SubjectKind
	ID   string
}

// Lane separates work that must be fresh from work that may take its time.
type Lane string

// Live jobs alone write watermarks and states; backfill jobs add rows and
// coverage and touch neither.
const (
	Live     Lane = "live"
	Backfill Lane = "backfill"
)

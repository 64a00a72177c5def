package syncjob

// Class is the kind of a fault. The package that knows an error gives it its
// class, once; the class decides everything else.
type Class string

// The classes. docs/design.md section 5 is the table behind them.
const (
	Transient   Class = "transient"
	RateLimited Class = "rate_limited"
	Banned      Class = "banned"
	ClockSkew   Class = "clock_skew"
	Auth        Class = "auth"
	Permission  Class = "permission"
	Unsupported Class = "unsupported"
	BadRequest  Class = "bad_request"
	Decode      Class = "decode"
	Incomplete  Class = "incomplete"
	Maintenance Class = "maintenance"
	Database    Class = "database"
	Lost        Class = "lost"
	Internal    Class = "internal"
	Deadline    Class = "deadline"
)

// Classes lists all of them.
func Classes() []Class {
	return []Class{
		Transient, RateLimited, Banned, ClockSkew, Auth, Permission, Unsupported, BadRequest, Decode, Incomplete,
		Maintenance, Database, Lost, Internal, Deadline,
	}
}

// Counts reports whether a fault of this class uses up an attempt. A time that
// the exchange names is waited for, not counted.
func (c Class) Counts() bool {
	switch c {
	case RateLimited, Banned, Maintenance:
		return false
	default:
		return true
	}
}

// Retries reports whether a job that met this class at job level may try
// again. A key that was refused is not asked again.
func (c Class) Retries() bool {
	switch c {
	case Auth, Permission, Unsupported, BadRequest, Decode, Incomplete:
		return false
	default:
		return true
	}
}

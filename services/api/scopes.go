package api

import (
	"strings"

	"github.com/alphapulse/alphapulse/services/api/access"
)

// procedurePrefix begins the name of every procedure.
const procedurePrefix = "/alphapulse.control.v1."

// need is what a procedure demands of its caller.
type need struct {
	scope access.Scope
	// change: it changes something, so it is in the audit log and takes an
	// Idempotency-Key.
	change bool
	// secret: its answer holds a secret and is never stored, so it takes no
	// Idempotency-Key.
	secret bool
}

// needs says for every procedure what it demands. One that is missing here is
// refused to everybody, and a test names it.
func needs() map[string]need {
	table := map[string]need{}
	add := func(n need, service string, methods ...string) {
		for _, method := range methods {
			table[procedurePrefix+service+"/"+method] = n
		}
	}
	read := need{scope: access.Read}
	start := need{scope: access.Sync, change: true}
	operate := need{scope: access.Operate, change: true}
	manage := need{scope: access.Admin, change: true}

	add(read, "AccountService", "ListAccounts", "GetAccount", "ListSubAccounts")
	add(operate, "AccountService", "TestAccount", "PauseAccount", "ResumeAccount", "SetCadence")
	add(manage, "AccountService", "AddAccount", "SetKey", "RemoveAccount")
	add(read, "RunService", "GetRun", "ListRuns", "WatchRun")
	add(start, "RunService", "StartSync")
	add(operate, "RunService", "CancelRun")
	add(read, "StatusService", "GetStatus")
	add(read, "HistoryService", "GetCoverage", "GetVerification")
	add(start, "HistoryService", "StartBackfill", "StartVerify", "StartRepair")
	add(read, "QuarantineService", "ListQuarantine", "GetQuarantined")
	add(operate, "QuarantineService", "RetryQuarantine", "DropQuarantine")
	add(read, "CandleService", "ListCandleSeries")
	add(start, "CandleService", "AddCandleSeries", "RemoveCandleSeries")

	add(read, "DeadService", "ListDead", "GetDead")
	add(operate, "DeadService", "RequeueDead", "DiscardDead", "CheckDead")
	add(read, "ReplayService", "GetReplay", "ListReplays")
	add(operate, "ReplayService", "StartReplay", "CancelReplay")
	add(read, "ControlService", "ListPauses", "ListSchedules", "ListWorkerSettings")
	add(operate, "ControlService", "CreatePause", "EndPause", "SetSchedule", "SetWorkerSettings")
	add(read, "QueueService", "GetLag", "WatchLag")
	add(read, "DataService", "GetPortfolio", "ListBalances", "ListPositions", "ListOrders", "ListFills", "ListPrices",
		"ListTables", "Export")
	add(read, "NoticeService", "ListNotices")
	add(operate, "NoticeService", "RetryNotices")

	add(need{scope: access.Admin}, "TokenService", "ListTokens")
	add(need{scope: access.Admin}, "AuditService", "ListAudit")
	add(need{scope: access.Admin, change: true, secret: true}, "TokenService", "CreateToken")
	add(manage, "TokenService", "RevokeToken")
	return table
}

// methodOf is the last part of a procedure's name.
func methodOf(procedure string) string { return procedure[strings.LastIndexByte(procedure, '/')+1:] }

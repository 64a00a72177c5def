// Command budgetproof shows that worker processes which share one budget keep
// an exchange's limits and use them up:
//
//	go run ./services/internal/budgetproof                  # 8 processes, 200 accounts, 5 minutes
//	go run ./services/internal/budgetproof -accounts 1      # the limit of one account's endpoint
//	go run ./services/internal/budgetproof -processes 1 -accounts 1
//
// It starts a private Postgres and the stand-in exchange with its limits on,
// and processes that read as backfill and, with -live, as live requests too. It
// prints what the stand-in counted after the warm-up, as JSON, and fails if a
// request was refused or less than nine tenths of the budget was used.
package main

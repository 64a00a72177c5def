package ledger

import "fmt"

// pauseInForce is the condition that pause p holds now.
const pauseInForce = `p.starts_at <= clock_timestamp() AND (p.until IS NULL OR p.until > clock_timestamp())`

// pauseOpen is the condition that pause p holds now or will.
const pauseOpen = `(p.until IS NULL OR p.until > greatest(clock_timestamp(), p.starts_at))`

// pauseMatches is the condition that pause p is about a market's work of an
// account (an expression; NULL for what belongs to the market), a type and a
// lane. What p leaves open matches everything, but a pause of an account never
// matches what belongs to its market: that serves the others too.
func pauseMatches(market, account, dataType, lane string) string {
	return fmt.Sprintf(`(p.market_id IS NULL OR p.market_id = %[1]s.id)
      AND (p.exchange IS NULL OR p.exchange = %[1]s.exchange)
      AND (p.environment IS NULL OR p.environment = %[1]s.environment)
      AND (p.account_id IS NULL OR p.account_id = %[2]s)
      AND (p.data_type IS NULL OR p.data_type = %[3]s)
      AND (p.lane IS NULL OR p.lane = %[4]s)`, market, account, dataType, lane)
}

// pausedFor is the condition that a pause in force matches a market's work of an
// account, a type and a lane.
func pausedFor(market, account, dataType, lane string) string {
	return fmt.Sprintf(`EXISTS (
    SELECT FROM alphapulse.pauses p
    WHERE %s
      AND %s)`, pauseInForce, pauseMatches(market, account, dataType, lane))
}

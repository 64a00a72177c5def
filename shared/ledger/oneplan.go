package ledger

import "fmt"

// A pool that looks rows up (postgres.Config.ByIndex) plans a statement once in the
// life of a connection, and what it plans while a table is nearly empty it goes on with
// when the table holds a hundred thousand jobs. With hardly a row it costs nothing to
// read all of them for each that is looked for, so the planner may well choose that.
// The statements of a job's walk are therefore written so that there is only one way to
// run them, from the ids that they are given to the rows:
//
//   - a table that is updated is joined by keyed, and its status compared behind || ”,
//     which keeps the planner off the partial index of all rows that have it;
//   - a table that is read is joined by LATERAL, whose OFFSET 0 keeps it from being
//     pulled up and turned round.

// keyed is the condition that a key is a value from the rows it is joined with. An
// equality can be met from either side; a range, only by looking the key up.
func keyed(key, value string) string { return fmt.Sprintf(`%[1]s BETWEEN %[2]s AND %[2]s`, key, value) }

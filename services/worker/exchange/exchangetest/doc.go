// Package exchangetest is the contract of an exchange's adapter as tests: what
// package exchange says in comments, a second exchange's adapter must pass here.
//
//	func TestAdapterKeepsTheContract(t *testing.T) {
//		t.Parallel()
//		exchangetest.Run(t, exchangetest.Exchange{…})
//	}
//
// The suite plays the exchange itself, over real HTTP: it holds the rows, cuts
// them into pages and windows, and goes wrong in every way that the contract
// has an answer for. So it knows the truth of what it compares, and needs no
// stand-in. The adapter's author gives what only he knows: which rows a request
// asks for and how an answer is written (Wire), what a row looks like and what
// must become of it (Rows), and how the exchange refuses (Refusal).
//
// Everything is tried for every scope of every reader that the adapter's results
// implement. Each check is a function that returns an error, so that the suite
// can be tested with adapters that are broken on purpose.
//
// What the suite cannot know is whether the exchange is as the author says: for
// that there are recorded payloads and the stand-in.
package exchangetest

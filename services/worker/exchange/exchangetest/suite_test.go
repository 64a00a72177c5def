package exchangetest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAdapterThatKeepsTheContractPasses(t *testing.T) {
	t.Parallel()
	Run(t, toyExchange(defects{}))
}

// breaches runs the whole suite, or the checks named, and gives the errors by
// the name of their check.
func breaches(t *testing.T, x Exchange, only string) map[string]error {
	t.Helper()
	found := map[string]error{}
	for _, w := range wholes() {
		if only != w.name {
			continue
		}
		if err := bounded(t.Context(), func(ctx context.Context) error { return w.run(ctx, x) }); err != nil {
			found[w.name] = err
		}
	}
	readers, err := x.readers()
	require.NoError(t, err)
	for _, r := range readers {
		b := newBench(x, r)
		for _, c := range checks() {
			if only != c.name || !c.concerns(b) {
				continue
			}
			if err := bounded(t.Context(), func(ctx context.Context) error { return c.run(ctx, b) }); err != nil {
				found[c.name] = err
			}
		}
	}
	return found
}

// Each check refuses an adapter that breaks its sentence, and says how.
func TestEachCheckRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		check, says string
		broken      defects
	}{
		{"the author said all that is needed", "no reader", defects{withoutFills: true}},
		{"scopes and histories are sane and stable", "in its place", defects{unstableScopes: true}},
		{"scopes and histories are sane and stable", "the lag is", defects{noWindow: true}},
		{"clock and reparser are there", "no clock", defects{noClock: true}},
		{"wrong settings are refused", "without an error", defects{acceptsAnyTarget: true}},
		{"credentials are never printed", "shows a key", defects{printsKey: true}},
		{"all readers are used at once", "the answer is of", defects{namesNoScope: true}},
		{"rows come as they are", "Scope is", defects{namesNoScope: true}},
		{"no rows are a complete nothing", "a page is missing", defects{takesNothingForAFault: true}},
		{"every request is paid for", "the budget granted", defects{paysNothing: true}},
		{"a scope that is not served is unsupported", "no error", defects{servesAnyScope: true}},
		{"a row is read again from its payload", "a good row is a fault", defects{noReparse: true}},
		{"many read at once", "twice", defects{sharesRows: true}},
		{"a call that finds nothing is no error", "no key", defects{knowsNoKey: true}},
		{"every page comes, each row once", "missing", defects{losesLastPage: true}},
		{"every page comes, each row once", "twice", defects{repeatsRows: true}},
		{"every page comes, each row once", "AsOf", defects{datesByLastPage: true}},
		{"a short page does not end the walk", "missing", defects{endsOnShortPage: true}},
		{"a last page that leads on to nothing ends it", "ended with an error", defects{endsBeforeNothing: true}},
		{"a stuck cursor ends it incomplete", "requests", defects{walksInCircles: true}},
		{"a cycle of two pages ends it incomplete", "requests", defects{walksInCircles: true}},
		{"a last page that fails leaves the rows before", "missing", defects{dropsRowsOnError: true}},
		{"a window has its beginning and not its end", "missing", defects{skipsBeginning: true}},
		{"a window has its beginning and not its end", "not one of what was asked for", defects{includesEnd: true}},
		{"windows side by side lose nothing", "missing", defects{skipsBeginning: true}},
		{"a window between two instants loses nothing", "missing", defects{roundsInwards: true}},
		{"a window that is empty, backwards or too long is refused", "no error", defects{acceptsLongWindows: true}},
		{"numbers come as they were sent", "Last is", defects{floats: true}},
		{"no number is none, and not zero", `"0", not ""`, defects{zeroForNone: true}},
		{"what is no number makes its row a fault", "it is a row", defects{passesAnything: true}},
		{"what is no number makes its row a fault", "0 faults", defects{swallowsBadRows: true}},
		{"a bad row with a key is a fault of that key", "0 faults", defects{swallowsBadRows: true}},
		{"a bad row with a key is a fault of that key", "ended the scope", defects{endsOnBadRows: true}},
		{"a bad row with a key is a fault of that key", `key is ""`, defects{losesKeys: true}},
		{"a bad row with a key is a fault of that key", "not the row as sent", defects{cutsPayloads: true}},
		{"a bad row without a key is a fault without one", "without a key has", defects{inventsKeys: true}},
		{"a row of another shape is a fault", "faults", defects{swallowsBadRows: true}},
		{"a bad row shows no secret", "Payload shows", defects{showsSecretsInRows: true}},
		{"each refusal has its class", "no error", defects{hidesPermission: true}},
		{"each refusal has its class", "RetryAt", defects{noRetryAt: true}},
		{"each refusal has its class", "Message shows", defects{showsSecrets: true}},
		{"each refusal has its class", "tried 2 times", defects{retriesItself: true}},
		{"a scope that was refused is read the next time", "refused before", defects{staysAfraid: true}},
		{"what is no whole answer is transient, of another shape decode", "no error", defects{acceptsGarbage: true}},
		{"a context that ends ends the walk", "did not return", defects{ignoresContext: true}},
		{"a context that ends ends the walk", "still there", defects{leavesGoroutines: true}},
		{"a context that has ended asks nothing", "all the same", defects{asksAnyway: true}},
	}
	for _, c := range cases {
		t.Run(c.check+"/"+c.says, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, breaches(t, toyExchange(c.broken), c.check)[c.check], c.says)
		})
	}
	tried := map[string]bool{}
	for _, c := range cases {
		tried[c.check] = true
	}
	for _, name := range checkNames() {
		require.True(t, tried[name], "a broken adapter for %q", name)
	}
}

func checkNames() []string {
	var names []string
	for _, w := range wholes() {
		names = append(names, w.name)
	}
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}

func TestSecretsAreFoundInAnyForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a " + toyKey, strings.ToUpper("746f796b65792d34373131")} {
		err := shows("it", text, []string{"", toyKey})
		require.Error(t, err)
		require.NotContains(t, err.Error(), toyKey)
	}
	require.NoError(t, shows("it", "nothing", []string{"", toyKey}))
}

func TestDecimals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"1": true, "-1.50": true, "+0.1": true, ".5": true, "5.": true, "1e-8": true, "12E10": true,
		"": false, ".": false, "-": false, "NaN": false, "Infinity": false, "0x1": false, "1,5": false, "1 ": false, "1e": false, "1_0": false,
	} {
		require.Equal(t, want, isDecimal(text), text)
	}
}

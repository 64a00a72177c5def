package drift

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Row is one row by column, as text; "" is NULL.
type Row map[string]string

// Rows are the rows of a scope by key.
type Rows map[string]Row

// TextRow reads a row that Postgres has encoded with to_jsonb.
func TextRow(encoded []byte) Row {
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.UseNumber()
	var values map[string]any
	if err := decoder.Decode(&values); err != nil {
		panic(err)
	}
	r := Row{}
	for column, value := range values {
		switch v := value.(type) {
		case nil:
			r[column] = ""
		default:
			r[column] = fmt.Sprint(v)
		}
	}
	return r
}

// Compare lists, in words and in order, what differs between the rows that should
// be there and those that are. Columns that only the latter have are not compared.
func Compare(want, got Rows) []string {
	var differences []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		stored, ok := got[key]
		if !ok {
			differences = append(differences, key+" is missing")
			continue
		}
		for _, column := range slices.Sorted(maps.Keys(want[key])) {
			if !sameValue(want[key][column], stored[column]) {
				differences = append(differences, fmt.Sprintf("%s.%s is %q, not %q", key, column, stored[column], want[key][column]))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			differences = append(differences, key+" should not be there")
		}
	}
	return differences
}

// sameValue compares as exact decimals where both are, else as text.
func sameValue(a, b string) bool {
	x, errX := decimal.NewFromString(a)
	y, errY := decimal.NewFromString(b)
	if errX == nil && errY == nil {
		return x.Equal(y)
	}
	return a == b
}

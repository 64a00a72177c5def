package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
)

// hashSize is how much of the hash is kept: it only has to tell a scope's content
// from the one before.
const hashSize = 16

// Hash is a hash of all that would be written of the rows, in whichever order they
// came: two scopes of one table with the same hash hold the same. The table's
// columns are in it, so that a new version of the table has no hash in common with
// the one before.
func (w *Writer) Hash(rows Rows) []byte {
	h := sha256.New()
	h.Write(w.hashed)
	buffer := make([]byte, 0, 256)
	for _, r := range w.byKey(rows) {
		buffer = buffer[:0]
		for _, values := range rows.arrays {
			buffer = appendCell(buffer, values[r])
		}
		h.Write(buffer)
	}
	return h.Sum(nil)[:hashSize]
}

// hashed are the columns, as a hash begins with them.
func (t Table) hashed() []byte {
	var columns []byte
	for _, c := range t.columns() {
		columns = appendCell(columns, c.Name+" "+c.Type)
	}
	return columns
}

// appendCell appends a text behind its length, so that two cells are never one.
func appendCell(buffer []byte, text string) []byte {
	return append(binary.AppendUvarint(buffer, uint64(len(text))), text...)
}

// byKey are the numbers of the rows in the order of their keys.
func (w *Writer) byKey(rows Rows) []int {
	order := make([]int, rows.Len())
	for i := range order {
		order[i] = i
	}
	keys := len(w.table.Key)
	slices.SortFunc(order, func(x, y int) int {
		for c := range keys {
			if d := strings.Compare(rows.arrays[c][x], rows.arrays[c][y]); d != 0 {
				return d
			}
		}
		return 0
	})
	return order
}

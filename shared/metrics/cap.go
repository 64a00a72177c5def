package metrics

import "sync"

// Other stands for the values of a label that are beyond its bound.
const Other = "other"

// Cap bounds a label whose values come from elsewhere, such as a host: the
// first ones keep their names, all others share one.
type Cap struct {
	most int

	mu    sync.RWMutex
	known map[string]bool
}

// NewCap bounds a label to that many values, [Other] not counted.
func NewCap(most int) *Cap { return &Cap{most: most, known: map[string]bool{}} }

// Value is the value to use as the label.
func (c *Cap) Value(value string) string {
	c.mu.RLock()
	known := c.known[value]
	c.mu.RUnlock()
	if known || c.add(value) {
		return value
	}
	return Other
}

// add reports whether there was room.
func (c *Cap) add(value string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known[value] && len(c.known) >= c.most {
		return false
	}
	c.known[value] = true
	return true
}

package exchangesim

const (
	statusNew                     = "New"
	statusPartiallyFilled         = "PartiallyFilled"
	statusUntriggered             = "Untriggered"
	statusFilled                  = "Filled"
	statusCancelled               = "Cancelled"
	statusPartiallyFilledCanceled = "PartiallyFilledCanceled"
	statusRejected                = "Rejected"
	statusDeactivated             = "Deactivated"
)

// finalStatuses are those that order/history may be asked for.
func finalStatuses() []string {
	return []string{statusFilled, statusCancelled, statusPartiallyFilledCanceled, statusRejected, statusDeactivated}
}

// fate is how an order's life goes.
type fate struct {
	final       string
	fills       bool // fills arrive while it is open
	conditional bool // waits for its trigger in the first half of its life
	market      bool
	instant     bool // ends within milliseconds: never seen open
}

// fateOf draws a fate. In a steady world every order stays open until its
// successor comes.
func (v *view) fateOf(s seed, scope string) fate {
	switch n := s.named("fate").below(12); {
	case n == 0 && !v.rows.Steady:
		return fate{final: statusRejected, instant: true}
	case n <= 2 && !v.rows.Steady:
		return fate{final: statusFilled, market: true, instant: true, fills: true}
	case n <= 5:
		return fate{final: statusFilled, fills: true}
	case n == 6:
		if scope == spot {
			return fate{final: statusPartiallyFilledCanceled, fills: true}
		}
		return fate{final: statusCancelled, fills: true}
	case n == 7:
		return fate{final: statusFilled, fills: true, conditional: true}
	case n == 8:
		return fate{final: statusDeactivated, conditional: true}
	default:
		return fate{final: statusCancelled}
	}
}

// progress is how far an order has come: the status it shows, since when, and
// how much of it is filled, in percent.
type progress struct {
	status  string
	updated int64
	filled  int64
}

// steps lists an order's life, oldest first.
func (d draft) steps() []progress {
	if d.record != nil {
		return d.record.steps(d)
	}
	f, life := d.fate, d.final-d.created
	end := progress{status: f.final, updated: d.final}
	if f.final == statusFilled {
		end.filled = 100
	}
	first := progress{status: statusNew, updated: d.created}
	if f.instant {
		return []progress{first, end}
	}
	steps := []progress{first}
	if f.conditional {
		steps[0].status = statusUntriggered
		if f.fills {
			steps = append(steps, progress{status: statusNew, updated: d.created + life/2})
		}
	}
	if f.fills {
		steps = append(steps,
			progress{status: statusPartiallyFilled, updated: d.created + life*60/100, filled: 25},
			progress{status: statusPartiallyFilled, updated: d.created + life*80/100, filled: 60})
		end.filled = max(end.filled, 60)
	}
	return append(steps, end)
}

package exchangesim

// seed is a point in the tree of pseudo-random numbers that the world is made
// of. Children depend on their path from the root alone, so any number can be
// computed without those before it: that is what lets an instant of the past
// be shown without having been stored. Integers only, so that every machine
// computes the same world.
type seed uint64

func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// at gives the child at a numeric path.
func (s seed) at(path ...int64) seed {
	for _, p := range path {
		s = seed(scramble(uint64(s) ^ scramble(uint64(p))))
	}
	return s
}

// named gives the child of that name (FNV-1a).
func (s seed) named(name string) seed {
	h := uint64(0xcbf29ce484222325)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 0x100000001b3
	}
	return s.at(int64(h))
}

// below gives a number in [0, n).
func (s seed) below(n int64) int64 { return int64(uint64(s) % uint64(n)) }

// between gives a number in [lo, hi].
func (s seed) between(lo, hi int64) int64 { return lo + s.below(hi-lo+1) }

// oneIn is true for one seed in n.
func (s seed) oneIn(n int64) bool { return s.below(n) == 0 }

// wave is a continuous function of t within [-amplitude, amplitude]: random at
// every multiple of the period, straight in between.
func (s seed) wave(t, period, amplitude int64) int64 {
	k := floorDiv(t, period)
	from := s.at(k).between(-amplitude, amplitude)
	to := s.at(k+1).between(-amplitude, amplitude)
	return from + (to-from)*(t-k*period)/period
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

package gather_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/gather"
)

// worked collects groups, each of which is held until it is let go.
type worked struct {
	begun chan []int
	letGo chan struct{}
}

func (w worked) work(group []int) {
	w.begun <- group
	<-w.letGo
}

func TestWhatComesMeanwhileGoesTogetherAndNothingWaitsForMore(t *testing.T) {
	t.Parallel()
	w := worked{begun: make(chan []int), letGo: make(chan struct{})}
	groups := gather.New(3, 1, 0, w.work)
	groups.Add(1)
	require.Equal(t, []int{1}, <-w.begun, "alone and at once")
	for i := 2; i <= 5; i++ {
		groups.Add(i)
	}
	w.letGo <- struct{}{}
	require.Equal(t, []int{2, 3, 4}, <-w.begun, "in the order in which they came, no more than the most")
	w.letGo <- struct{}{}
	require.Equal(t, []int{5}, <-w.begun)
	w.letGo <- struct{}{}
	groups.Add(6)
	require.Equal(t, []int{6}, <-w.begun, "idle again")
	w.letGo <- struct{}{}
}

func TestSoManyGroupsAreWorkedOnAtOnce(t *testing.T) {
	t.Parallel()
	w := worked{begun: make(chan []int), letGo: make(chan struct{})}
	groups := gather.New(2, 2, 0, w.work)
	groups.Add(1)
	first := <-w.begun
	groups.Add(2)
	second := <-w.begun
	require.Equal(t, [][]int{{1}, {2}}, [][]int{first, second})
	groups.Add(3)
	groups.Add(4)
	w.letGo <- struct{}{}
	require.Equal(t, []int{3, 4}, <-w.begun, "a third waits for one of two to end")
	close(w.letGo)
}

func TestEverythingIsWorkedOnOnce(t *testing.T) {
	t.Parallel()
	const n = 5000
	var mu sync.Mutex
	var all sync.WaitGroup
	seen := map[int]int{}
	groups := gather.New(7, 3, 0, func(group []int) {
		mu.Lock()
		defer mu.Unlock()
		require.LessOrEqual(t, len(group), 7)
		for _, i := range group {
			seen[i]++
			all.Done()
		}
	})
	all.Add(n)
	for i := range n {
		go groups.Add(i)
	}
	all.Wait()
	require.Len(t, seen, n)
	for i, times := range seen {
		require.Equal(t, 1, times, "%d", i)
	}
}

// group is a group that was worked on, and when it began.
type group struct {
	items []int
	at    time.Duration
}

// timed adds items at their times, and gives the groups that were worked on, each for
// so long.
func timed(most, atOnce int, rest, work time.Duration, at map[time.Duration][]int) []group {
	start := time.Now()
	var mu sync.Mutex
	var begun []group
	groups := gather.New(most, atOnce, rest, func(items []int) {
		mu.Lock()
		begun = append(begun, group{items, time.Since(start)})
		mu.Unlock()
		time.Sleep(work)
	})
	for _, when := range slices.Sorted(maps.Keys(at)) {
		time.Sleep(when - time.Since(start))
		for _, i := range at[when] {
			groups.Add(i)
		}
		synctest.Wait()
	}
	time.Sleep(time.Hour)
	mu.Lock()
	defer mu.Unlock()
	return begun
}

const ms = time.Millisecond

func TestAGroupRestsAfterTheOneBeforeUnlessEnoughWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := timed(6, 2, 20*ms, ms, map[time.Duration][]int{
			0: {1}, 5 * ms: {2}, 10 * ms: {3}, // the first alone and at once, then until 20
			25 * ms: {4}, 26 * ms: {5, 6}, // until half of a group waits
			126 * ms: {7}, 151 * ms: {8}, 152 * ms: {9}, // long after the last one: at once
		})
		require.Equal(t, []group{
			{[]int{1}, 0},
			{[]int{2, 3}, 20 * ms},
			{[]int{4, 5, 6}, 26 * ms},
			{[]int{7}, 126 * ms},
			{[]int{8}, 151 * ms},
			{[]int{9}, 171 * ms},
		}, begun)
	})
}

func TestAGroupWaitsForOneInWorkUnlessEnoughWaitsOrItTakesLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := timed(6, 3, 20*ms, 50*ms, map[time.Duration][]int{0: {1}, 25 * ms: {2}})
		require.Equal(t, []group{{[]int{1}, 0}, {[]int{2}, 50 * ms}}, begun, "behind the one in work")
		begun = timed(6, 3, 20*ms, 50*ms, map[time.Duration][]int{0: {1}, 25 * ms: {2, 3, 4}})
		require.Equal(t, []group{{[]int{1}, 0}, {[]int{2, 3, 4}, 25 * ms}}, begun, "beside it: half of a group waits")
		begun = timed(6, 3, 20*ms, time.Second, map[time.Duration][]int{0: {1}, 25 * ms: {2}, 110 * ms: {3}, 300 * ms: {4}})
		require.Equal(t, []group{{[]int{1}, 0}, {[]int{2}, 100 * ms}, {[]int{3}, 200 * ms}, {[]int{4}, 1000 * ms}}, begun,
			"beside one that takes long, up to so many at once")
	})
}

// What a group that rests hears may be of items that another one has taken.
func TestWhatWasEnoughForOneGroupIsNotEnoughForTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := timed(8, 1, 20*ms, 10*ms, map[time.Duration][]int{0: {1}, 5 * ms: {2, 3, 4, 5}, 12 * ms: {6}})
		require.Equal(t, []group{{[]int{1}, 0}, {[]int{2, 3, 4, 5}, 10 * ms}, {[]int{6}, 30 * ms}}, begun)
	})
}

func TestEverythingIsWorkedOnOnceWithRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		seen := map[int]int{}
		groups := gather.New(7, 3, 5*ms, func(items []int) {
			time.Sleep(3 * ms)
			mu.Lock()
			defer mu.Unlock()
			for _, i := range items {
				seen[i]++
			}
		})
		for i := range 2000 {
			go func() {
				time.Sleep(time.Duration(i*i%997) * time.Millisecond)
				groups.Add(i)
			}()
		}
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, seen, 2000)
		for i, times := range seen {
			require.Equal(t, 1, times, "%d", i)
		}
	})
}

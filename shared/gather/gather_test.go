package gather_test

import (
	"sync"
	"testing"

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
	groups := gather.New(3, 1, w.work)
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
	groups := gather.New(8, 2, w.work)
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
	groups := gather.New(7, 3, func(group []int) {
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

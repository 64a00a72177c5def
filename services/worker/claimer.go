package worker

import (
	"context"
	"time"

	"github.com/alphapulse/alphapulse/shared/gather"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

const (
	// claimsMost is how many jobs at most are claimed by one statement.
	claimsMost = 128
	// claimsAtOnce is how many such statements run side by side: with one, those that
	// are delivered meanwhile go together.
	claimsAtOnce = 1
	// claimsRest is how soon after a statement began the next one begins.
	claimsRest = 3 * time.Millisecond
	// claimTime bounds the claim of a group; each is then claimed alone.
	claimTime = 5 * time.Second
)

// claimer claims jobs that are delivered at the same time together. What the
// statement does not give is claimed alone, which says why it is not to be had.
type claimer struct {
	claims *ledger.Ledger
	groups *gather.Groups[*claiming]
}

// claiming is a delivery on its way into a group.
type claiming struct {
	request ledger.ClaimRequest
	job     *ledger.Claimed // nil: it has to be claimed alone
	done    chan struct{}
}

func newClaimer(claims *ledger.Ledger) *claimer {
	c := &claimer{claims: claims}
	c.groups = gather.New(claimsMost, claimsAtOnce, claimsRest, c.claimGroup)
	return c
}

// claim is ledger.Claim.
func (c *claimer) claim(ctx context.Context, req ledger.ClaimRequest) (*ledger.Claimed, ledger.Refusal, error) {
	x := &claiming{request: req, done: make(chan struct{})}
	c.groups.Add(x)
	<-x.done
	if x.job != nil {
		return x.job, ledger.Refusal{}, nil
	}
	return c.claims.Claim(ctx, req)
}

func (c *claimer) claimGroup(group []*claiming) {
	defer func() {
		for _, x := range group {
			close(x.done)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), claimTime)
	defer cancel()
	requests := make([]ledger.ClaimRequest, len(group))
	for i, x := range group {
		requests[i] = x.request
	}
	jobs, err := c.claims.ClaimGroup(ctx, requests)
	if err != nil {
		return // each is claimed alone, and hears of what is wrong
	}
	for i, x := range group {
		x.job = jobs[i]
	}
}

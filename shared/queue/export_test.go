package queue

import "context"

// NothingBehind lets a test ask what Position asks in a moment that a test
// cannot bring about.
func (q *Queue) NothingBehind(ctx context.Context, c Consumer, delivered uint64) (bool, error) {
	stream, err := q.js.Stream(ctx, JobsStream)
	if err != nil {
		return false, err
	}
	return nothingBehind(ctx, stream, c, delivered)
}

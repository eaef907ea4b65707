package fetch

import (
	"context"
	"math/rand/v2"
	"time"
)

// ExponentialBackoff doubles the wait from first up to limit and takes a random
// half off, so that many clients that failed together don't return together.
// random gives numbers in [0,1); nil means the standard generator.
func ExponentialBackoff(first, limit time.Duration, random func() float64) func(n int) time.Duration {
	if random == nil {
		random = rand.Float64
	}
	return func(n int) time.Duration {
		d := first
		for ; n > 1 && d < limit; n-- {
			d *= 2
		}
		d = min(d, limit)
		return d - time.Duration(random()*float64(d)/2)
	}
}

// sleep waits for d, or until ctx is done; then it returns ctx's cause.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

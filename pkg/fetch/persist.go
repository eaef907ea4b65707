package fetch

import (
	"context"
	"time"
)

// attempt makes one request. progress says that it brought something that
// brings the end nearer, even if it failed.
type attempt func(ctx context.Context) (progress bool, err error)

// boundedTries limits the tries of a server that hands out a few bytes each
// time: as a multiple of MaxTries.
const boundedTries = 20

// persist repeats an attempt until it succeeds, is hopeless, or MaxTries in a
// row brought nothing. Each attempt has a slot of the host's; waiting has none.
// The error is an *Error, or ctx's cause.
func (c *Client) persist(ctx context.Context, tg *target, t *Ticket, try attempt) error {
	for tries, stuck := 1, 0; ; tries++ {
		progress, e, err := c.once(ctx, tg, t, try)
		if err != nil {
			return err
		}
		if e == nil {
			return nil
		}
		e.Tries = tries
		if progress {
			stuck = 0
		}
		stuck++
		if e.Permanent || stuck >= c.opt.MaxTries || tries >= boundedTries*c.opt.MaxTries {
			return e
		}
		if err := c.waitAfter(ctx, e, stuck); err != nil {
			return err
		}
	}
}

// once makes one attempt in a slot. err is ctx's cause; everything else is e.
func (c *Client) once(ctx context.Context, tg *target, t *Ticket, try attempt) (progress bool, e *Error, err error) {
	release, err := c.queue.acquire(ctx, tg.host, t)
	if err != nil {
		return false, nil, err
	}
	defer release()
	progress, err = try(ctx)
	if err != nil {
		e = asError(tg, err)
	}
	if ctx.Err() != nil && (e == nil || !e.Local) && err != nil {
		return progress, nil, context.Cause(ctx)
	}
	c.pace.note(tg.host, e)
	return progress, e, nil
}

// waitAfter waits as long as the failure asks for.
func (c *Client) waitAfter(ctx context.Context, e *Error, stuck int) error {
	var wait time.Duration
	if !e.restart {
		wait = max(c.opt.Backoff(stuck), e.retryAfter)
	}
	c.opt.Observe(Event{Kind: Retrying, URL: e.URL, Wait: wait, Err: e})
	if wait == 0 {
		return nil
	}
	return sleep(ctx, wait)
}

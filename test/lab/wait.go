package lab

import (
	"context"
	"fmt"
	"time"
)

// Until asks again and again until the answer is nil, and returns how long that took. After a while it gives up: the error then says
// what was waited for and what the last answer was.
func Until(ctx context.Context, within time.Duration, what string, ask func(context.Context) error) (time.Duration, error) {
	const pause = 20 * time.Millisecond
	began := time.Now()
	for {
		err := ask(ctx)
		took := time.Since(began)
		switch {
		case err == nil:
			return took, nil
		case ctx.Err() != nil:
			return took, fmt.Errorf("%s: %w, and before that: %w", what, ctx.Err(), err)
		case took > within:
			return took, fmt.Errorf("%s: not within %s: %w", what, within, err)
		}
		time.Sleep(pause)
	}
}

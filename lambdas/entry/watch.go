package entry

import (
	"context"
	"errors"
	"time"

	"remit/terms"
)

// Every has the entry look every so often.
func Every(d time.Duration) func() (<-chan time.Time, func()) {
	return func() (<-chan time.Time, func()) {
		t := time.NewTicker(d)
		return t.C, t.Stop
	}
}

// ended is why an execution is not open any more: its agent need say no more.
type ended struct{ why string }

// Error is for operators.
func (e ended) Error() string { return "the execution has ended: " + e.why }

// watched is a context that ends when the execution does, whoever ended or stopped it, and the
// end of looking. A ledger that does not answer ends nothing: the deadline holds.
func (e *Entry) watched(ctx context.Context, id terms.ExecutionID) (context.Context, func()) {
	ctx, cut := context.WithCancelCause(ctx)
	ticks, stop := e.Looks()
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks:
			}
			if x, err := e.Ledger.Execution(ctx, id); err == nil && !x.Open {
				cut(ended{x.Why})
			}
		}
	}()
	return ctx, func() { cut(nil); <-over; stop() }
}

// whyOver is why an answer came to its end.
func whyOver(ctx context.Context) string {
	if by, was := errors.AsType[ended](context.Cause(ctx)); was {
		return by.why
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "deadline"
	}
	return "answered"
}

package ledger

import (
	"context"
	"encoding/json"
	"time"

	"remit/terms"
)

// MaxThrottle is the longest a lane can be throttled at a time. What should stop for longer is
// a switch, which a person throws.
const MaxThrottle = time.Hour

// Throttle stops a lane's openings for a while and ends by itself; open executions run on
// under their own limits. It is no [Switch]: whoever throttles can stop no execution and lift
// nothing. The zero Throttle holds nothing.
type Throttle struct {
	Lane  terms.Lane
	Until time.Time
	Why   string
	At    time.Time
}

// Throttle holds a lane's openings until an instant, in the place of an earlier throttle. It
// fails with [ErrInvalid] for one without a lane, a reason or an end within [MaxThrottle].
func (l *Ledger) Throttle(ctx context.Context, t Throttle) error {
	switch {
	case t.Lane.IsZero() || t.Why == "" || t.At.IsZero():
		return invalid("a throttle holds a lane, and says why and when")
	case !t.Until.After(t.At) || t.Until.Sub(t.At) > MaxThrottle:
		return invalid("a throttle ends, and at most %v from now", MaxThrottle)
	}
	body, _ := json.Marshal(t) // texts and times
	r := record{execution: "THROTTLES", call: terms.CallID(t.Lane.Key()), refused: l.token(), part: outcome, status: "throttled", body: body, at: t.At}
	return l.apply(ctx, []step{
		{op: Op{Key: throttleKey(t.Lane), Put: Item{
			"kind": text("throttle"), "lane": text(t.Lane.String()), "until": instant(t.Until), "why": text(t.Why), "at": instant(t.At), "ttl": seconds(t.Until.Add(Keep)),
		}}},
		r.step(),
	})
}

// Throttled answers the last throttle of a lane, ended or not, zero for none.
func (l *Ledger) Throttled(ctx context.Context, lane terms.Lane) (Throttle, error) {
	i, err := l.get(ctx, throttleKey(lane))
	if err != nil || i == nil {
		return Throttle{}, err
	}
	return Throttle{Lane: laneOf(i.text("lane")), Until: i.time("until"), Why: i.text("why"), At: i.time("at")}, nil
}

// throttled is looked at once, before an execution opens: one that opens beside a throttle has
// its own limits.
func (l *Ledger) throttled(ctx context.Context, a Admission) error {
	t, err := l.Throttled(ctx, a.Lane)
	if err != nil || !t.Until.After(a.At) {
		return err
	}
	return &Refusal{What: RefusedThrottled, RetryAt: t.Until}
}

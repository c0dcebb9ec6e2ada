package ledger

import (
	"context"
	"slices"
	"time"

	"remit/terms"
)

// Ran is one execution that has closed and whose every call has ended: what a lane's traffic
// is counted by. It names no user.
type Ran struct {
	Execution terms.ExecutionID
	Lane      terms.Lane
	Version   string // [Admission.Version]
	Closed    time.Time
	Calls     int64 // that it attempted, the refused ones too
	Refused   int64 // by policy, by the time its last call had ended
}

// count puts what an execution did beside its agent's hour. Everything in it is the
// execution's own and does not change any more but for refusals, so it may be put twice; two
// executions share no item.
func count(i Item) step {
	id, closed, lane := terms.ExecutionID(i.text("execution")), i.time("closed"), laneOf(i.text("lane"))
	return step{op: Op{Key: countKey(lane.Agent, closed, id), Put: Item{
		"kind": text("count"), "execution": text(id), "lane": i["lane"], "version": text(i.text("version")), "closed": i["closed"],
		"calls": number(i.number("intents") + i.number("denials")), "refused": number(i.number("denials")), "ttl": seconds(closed.Add(Keep)),
	}}}
}

// Traffic lists the executions of an agent that closed in the hour of an instant (UTC), in
// order of closing. An execution is listed once its last call has ended, which a lease and one
// sweep bound.
func (l *Ledger) Traffic(ctx context.Context, agent string, hour time.Time) ([]Ran, error) {
	items, err := l.list(ctx, countPartition(agent, hour))
	var out []Ran
	for _, i := range items {
		out = append(out, Ran{Execution: terms.ExecutionID(i.text("execution")), Lane: laneOf(i.text("lane")), Version: i.text("version"),
			Closed: i.time("closed"), Calls: i.number("calls"), Refused: i.number("refused")})
	}
	slices.SortStableFunc(out, func(a, b Ran) int { return a.Closed.Compare(b.Closed) })
	return out, err
}

// Hour is one hour of an agent's traffic, added up by whoever watches it. Body is its own.
type Hour struct {
	From time.Time
	Body []byte
}

// KeepHour puts an hour's sum, in the place of one that was put before, until it ends.
func (l *Ledger) KeepHour(ctx context.Context, agent string, h Hour, until time.Time) error {
	if agent == "" || h.From.IsZero() || !until.After(h.From) {
		return invalid("an hour is of an agent, and is kept for longer than itself")
	}
	return l.apply(ctx, []step{{op: Op{Key: hourKey(agent, h.From), Put: Item{
		"kind": text("hour"), "from": instant(h.From), "body": Value{B: append([]byte{}, h.Body...)}, "ttl": seconds(until),
	}}}})
}

// Hours lists the hours that are kept of an agent, the oldest first.
func (l *Ledger) Hours(ctx context.Context, agent string) ([]Hour, error) {
	items, err := l.list(ctx, hoursPartition(agent))
	var out []Hour
	for _, i := range items {
		out = append(out, Hour{From: i.time("from"), Body: i["body"].B})
	}
	return out, err
}

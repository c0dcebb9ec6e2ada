package ledger

import (
	"context"
	"math"
	"time"

	"remit/terms"
)

// Once claims an idempotency key for a lifetime: at most one forward under it. Until names
// the event that ends the claim early ("" for none); see [Ledger.Happened].
type Once struct {
	Key   string // tenant, tool and the declared arguments, already joined and hashed
	For   time.Duration
	Until string
	// Supersedes is the call whose result, or whose unknown outcome, this one replaces, with
	// a confirmation of its own; "" replaces nothing. The link is kept.
	Supersedes terms.CallID
}

// States of a key. A claimed one has a lease, after which its outcome is unknown; one
// that is free by its date may be claimed anew.
const (
	claimed       = "claimed"
	done          = "done"
	indeterminate = "indeterminate"
)

// never is the date at which a claimed key is free. A key reclaimed while its holder is
// alive runs a tool twice, and no clock tells whether it is: only an end, which the sweep
// brings at the latest, gives the key a date.
const never = math.MaxInt64

// claim takes a key that nobody holds.
func (o *Once) claim(c *Claim, pass int64) Op {
	i := o.marks(c, pass)
	if o.Supersedes != "" {
		i["supersedes"] = text(o.Supersedes)
		return Op{Key: onceKey(o.Key), Set: i, // what it replaces stays until there is something better
			If: []Condition{is("call", text(o.Supersedes)), {Attribute: "lease", Op: Absent}}}
	}
	return Op{Key: onceKey(o.Key), Put: i,
		If: []Condition{{Attribute: "free", Op: "<=", Value: instant(c.At), OrAbsent: true}}}
}

func (o *Once) marks(c *Claim, pass int64) Item {
	return Item{
		"kind": text("once"), "state": text(claimed), "call": text(c.Call), "execution": text(c.Execution),
		"fence": number(pass), "holder": text(holder(c.Call, pass)), "lease": instant(c.expires()), "claimed": instant(c.At), "until": text(o.Until),
		"free": number(never), "for": number(o.For.Milliseconds()), "ttl": seconds(c.expires().Add(o.For).Add(Keep)),
	}
}

// finish stores what every later call under the key is answered with.
func (o *Once) finish(call terms.CallID, pass int64, result []byte, at time.Time) Op {
	free := at.Add(o.For)
	return Op{Key: onceKey(o.Key),
		Set:    Item{"state": text(done), "result": Value{B: append([]byte{}, result...)}, "free": instant(free), "ttl": seconds(free.Add(Keep))},
		Remove: []string{"lease"}, If: heldBy(call, pass)}
}

// heldBy: an event may have ended the claim, and the key may be another's by now.
func heldBy(call terms.CallID, pass int64) []Condition {
	return []Condition{is("holder", text(holder(call, pass)))}
}

// holder is a call and its pass in one value.
func holder(call terms.CallID, pass int64) string { return string(call) + " " + passText(pass) }

// doubt marks the outcome of a dead claim as unknown, for as long as a known one would
// have been kept.
func doubt(i Item, key string, call terms.CallID, pass int64, at time.Time) Op {
	return Op{Key: onceKey(key), Set: Item{"state": text(indeterminate), "free": instant(lifetime(i, at))}, Remove: []string{"lease"}, If: heldBy(call, pass)}
}

func lifetime(i Item, at time.Time) time.Time {
	return at.Add(time.Duration(i.number("for")) * time.Millisecond)
}

// letGo undoes a claim under which nothing ran. One that superseded gives the key back to
// what it would have replaced, for a new lifetime.
func letGo(i Item, key string, call terms.CallID, pass int64, at time.Time) Op {
	old := i.text("supersedes")
	if old == "" {
		return Op{Key: onceKey(key), Delete: true, If: heldBy(call, pass)}
	}
	state := done
	if !i.has("result") {
		state = indeterminate
	}
	return Op{Key: onceKey(key), Set: Item{"state": text(state), "call": text(old), "holder": text(old), "free": instant(lifetime(i, at))},
		Remove: []string{"lease", "supersedes"}, If: heldBy(call, pass)}
}

// Happened ends the claims of a key that wait for this event: the next call under it runs
// again. An event older than the claim is of something before it and changes nothing; so
// does one that comes twice.
func (l *Ledger) Happened(ctx context.Context, key, event string, at time.Time) error {
	if key == "" || event == "" || at.IsZero() {
		return invalid("an event has a key, a name and a time")
	}
	return l.decide(ctx, func() []step {
		return []step{{
			op: Op{Key: onceKey(key), Delete: true, If: []Condition{
				is("until", text(event)), {Attribute: "claimed", Op: "<=", Value: instant(at)}}},
			met: func(Item) error { return errAlready },
		}}
	})
}

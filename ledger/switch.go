package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"remit/terms"
)

// SwitchKind is what a switch stops.
type SwitchKind string

// The kinds of a switch.
const (
	SwitchLane      SwitchKind = "lane"      // Name is [terms.Lane.String]
	SwitchUser      SwitchKind = "user"      // Name is [UserName]
	SwitchTool      SwitchKind = "tool"      // Name is the tool
	SwitchExecution SwitchKind = "execution" // Name is the execution's id
)

// maxSaid bounds what one switch, or one asking, says: all switches are in one item, and a full
// one could be added to no more.
const maxSaid = 1 << 10

// UserName is the name of a user in a switch: user ids are unique within a tenant only.
func UserName(u terms.User) string { return part(u.Tenant) + "#" + part(u.ID) }

// Switch stops a lane, a user, a tool or an execution: no new execution opens, and the
// next call of every open one is refused. Lifted is set while a [Widening] holds it off.
type Switch struct {
	Kind   SwitchKind
	Name   string
	Who    string
	Why    string
	At     time.Time
	Lifted *Lift
}

// Lift is until when a switch is held off, by whom and why.
type Lift struct {
	First, Second string
	Why           string
	Until         time.Time
}

// MaxLift is how long a switch can be lifted at a time. What should run for longer is a
// change of the declaration, which is reviewed.
const MaxLift = 7 * 24 * time.Hour

// Widening is the right to undo a switch for a while. It cannot be built without two
// people, a reason and an end: operators alone may only narrow. The zero Widening is none.
type Widening struct{ lift Lift }

// Widen is the only way to a [Widening]. It fails with [ErrInvalid] unless two different
// people are named, there is a reason, and it ends within [MaxLift].
func Widen(first, second, why string, at, until time.Time) (Widening, error) {
	if first == "" || second == "" || strings.EqualFold(strings.TrimSpace(first), strings.TrimSpace(second)) {
		return Widening{}, invalid("two different people widen")
	}
	if err := checkLift(why, at, until); err != nil {
		return Widening{}, err
	}
	return Widening{Lift{First: first, Second: second, Why: why, Until: until.UTC()}}, nil
}

func checkLift(why string, at, until time.Time) error {
	switch {
	case why == "":
		return invalid("a widening says why")
	case !until.After(at) || until.Sub(at) > MaxLift:
		return invalid("a widening ends, and at most %v from now", MaxLift)
	}
	return nil
}

func (s Switch) attribute() string { return string(s.Kind) + "/" + s.Name }

func (s Switch) check() error {
	known := slices.Contains([]SwitchKind{SwitchLane, SwitchUser, SwitchTool, SwitchExecution}, s.Kind)
	if len(s.Name)+len(s.Why) > maxSaid {
		return invalid("a switch and its reason are a sentence, at most %d bytes", maxSaid)
	}
	if !known || s.Name == "" || s.Who == "" || s.Why == "" || s.At.IsZero() {
		return invalid("a switch stops a lane, user, tool or execution, and says who, why and when")
	}
	return nil
}

// panel is the item of all switches.
type panel map[string]Switch

func panelOf(i Item) (panel, error) {
	out := panel{}
	for name, v := range i {
		if !strings.Contains(name, "/") {
			continue
		}
		var s Switch
		if err := json.Unmarshal(v.B, &s); err != nil {
			return nil, errors.Join(ErrUnavailable, err) // a switch that cannot be read may stop anything
		}
		out[name] = s
	}
	return out, nil
}

func (l *Ledger) switches(ctx context.Context) (panel, error) {
	i, err := l.get(ctx, switchesKey)
	if err != nil {
		return nil, err
	}
	return panelOf(i)
}

// holds reports whether a switch stops an execution that ends at a time: a lift that ends
// sooner would end in the middle of it.
func (p panel) holds(attribute string, until time.Time) bool {
	s, thrown := p[attribute]
	return thrown && (s.Lifted == nil || until.After(s.Lifted.Until))
}

func (p panel) stops(a Admission) bool {
	return p.holds(Switch{Kind: SwitchLane, Name: a.Lane.String()}.attribute(), a.Deadline) ||
		p.holds(Switch{Kind: SwitchUser, Name: UserName(a.User)}.attribute(), a.Deadline)
}

// tools is the tools an execution begins without.
func (p panel) tools(until time.Time) []string {
	var out []string
	for attribute, s := range p {
		if s.Kind == SwitchTool && p.holds(attribute, until) {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return out
}

// Switches is every switch that was thrown and not lifted for good, in order of kind and
// name. Executions are stopped where they are and not listed here.
func (l *Ledger) Switches(ctx context.Context) ([]Switch, error) {
	p, err := l.switches(ctx)
	var out []Switch
	for _, s := range p {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Switch) int { return strings.Compare(a.attribute(), b.attribute()) })
	return out, err
}

// Stop throws a switch and answers which open executions it stopped. When it returns, no
// execution opens against it and the next Reserve of every open one is refused. It is
// idempotent: after an error, throw it again.
func (l *Ledger) Stop(ctx context.Context, s Switch) ([]terms.ExecutionID, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Kind == SwitchExecution {
		ok, err := l.stopExecution(ctx, terms.ExecutionID(s.Name), s)
		if !ok {
			return nil, err
		}
		return []terms.ExecutionID{terms.ExecutionID(s.Name)}, err
	}
	s.Lifted = nil
	if err := l.apply(ctx, l.throw(s, s.At)); err != nil {
		return nil, err
	}
	return l.walk(ctx, s)
}

// throw writes a switch and the record of who did. Stopping needs no condition: nothing
// that happens meanwhile is a reason not to.
func (l *Ledger) throw(s Switch, at time.Time, when ...Condition) []step {
	body, _ := json.Marshal(s) // texts and times
	return []step{
		{op: Op{Key: switchesKey, Set: Item{"kind": text("switches"), s.attribute(): Value{B: body}}, If: when},
			met: func(Item) error { return invalid("the switch of %s %s was thrown again meanwhile", s.Kind, s.Name) }},
		l.noted("switched", s.attribute(), body, at),
	}
}

// noted is the record of what an operator did, under a key of its own.
func (l *Ledger) noted(status Status, what string, body []byte, at time.Time) step {
	return record{execution: "SWITCHES", call: terms.CallID(what), refused: l.token(), part: outcome, status: status, body: body, at: at}.step()
}

// walk stops what is open. The list is strongly consistent, and an execution that is not
// in it yet looks at the switches after it is.
func (l *Ledger) walk(ctx context.Context, s Switch) ([]terms.ExecutionID, error) {
	var out []terms.ExecutionID
	var failed error
	for shard := range openShards {
		items, err := l.list(ctx, openPartition(shard))
		failed = errors.Join(failed, err)
		for _, i := range items {
			if !s.concerns(i) {
				continue
			}
			id := terms.ExecutionID(i.text("execution"))
			ok, err := l.stopExecution(ctx, id, s)
			failed = errors.Join(failed, err)
			if ok {
				out = append(out, id)
			}
		}
	}
	return out, failed
}

func (s Switch) concerns(i Item) bool {
	switch s.Kind {
	case SwitchLane:
		return i.text("lane") == s.Name
	case SwitchUser:
		return UserName(terms.User{ID: i.text("user"), Tenant: i.text("tenant")}) == s.Name
	}
	return s.Kind == SwitchTool
}

// stopExecution stops one open execution, or one tool of it, and reports whether it was
// open.
func (l *Ledger) stopExecution(ctx context.Context, id terms.ExecutionID, s Switch) (bool, error) {
	op := Op{Key: executionKey(id), Set: Item{"status": text(stopped), "why": text(s.Why)}, If: []Condition{is("status", text(open))}}
	if s.Kind == SwitchTool {
		op = Op{Key: op.Key, Join: map[string][]string{"stopped_tools": {s.Name}}} // whatever its state: it exists
	}
	wasOpen := true
	err := l.decide(ctx, func() []step {
		return []step{{op: op, met: func(Item) error { wasOpen = false; return errAlready }}}
	})
	return wasOpen && err == nil, err
}

// openedUnder looks at the switches again once the execution is open: see [Ledger.Open].
func (l *Ledger) openedUnder(ctx context.Context, a Admission, before panel) error {
	now, err := l.switches(ctx)
	if err != nil {
		return err
	}
	if now.stops(a) {
		return errors.Join(&Refusal{What: RefusedStopped}, l.Close(ctx, a.Execution, "stopped while it opened", a.At))
	}
	had := before.tools(a.Deadline)
	for _, tool := range now.tools(a.Deadline) {
		if slices.Contains(had, tool) {
			continue
		}
		if _, err := l.stopExecution(ctx, a.Execution, now[Switch{Kind: SwitchTool, Name: tool}.attribute()]); err != nil {
			return err
		}
	}
	return nil
}

// Resume holds a switch off until the widening ends; executions that were stopped stay
// stopped. It fails with [ErrInvalid] without a widening or for a switch that was not
// thrown, and never undoes one that was thrown again meanwhile.
func (l *Ledger) Resume(ctx context.Context, kind SwitchKind, name string, w Widening, at time.Time) error {
	if w.lift.Until.IsZero() || !w.lift.Until.After(at) {
		return invalid("resuming needs a widening that has not ended")
	}
	was, err := l.thrown(ctx, kind, name)
	if err != nil {
		return err
	}
	return l.hold(ctx, was, w, at)
}

// hold holds a switch off that is still exactly as it was, together with what else must then
// be so.
func (l *Ledger) hold(ctx context.Context, was []byte, w Widening, at time.Time, also ...step) error {
	var s Switch
	if err := json.Unmarshal(was, &s); err != nil {
		return errors.Join(ErrUnavailable, err)
	}
	s.Lifted = &w.lift
	return l.decide(ctx, func() []step {
		return append(slices.Clone(also), l.throw(s, at, is(s.attribute(), Value{B: was}))...)
	})
}

// thrown is a switch as it is stored. It fails with [ErrInvalid] for one that nobody threw.
func (l *Ledger) thrown(ctx context.Context, kind SwitchKind, name string) ([]byte, error) {
	i, err := l.get(ctx, switchesKey)
	if err != nil {
		return nil, err
	}
	was := i[Switch{Kind: kind, Name: name}.attribute()].B
	if was == nil {
		return nil, invalid("no switch stops %s %s", kind, name)
	}
	return was, nil
}

// Raise adds to one limit of an open execution, on two people's word, and records it. A
// cost is not raised: that money is the day's, and a new execution takes it from there. It
// fails with [ErrInvalid] without a widening, and with [*Refusal] unless the execution is
// open and has the limit.
func (l *Ledger) Raise(ctx context.Context, id terms.ExecutionID, more Amount, w Widening, at time.Time) error {
	return l.raise(ctx, id, more, w, at)
}

func (l *Ledger) raise(ctx context.Context, id terms.ExecutionID, more Amount, w Widening, at time.Time, also ...step) error {
	if w.lift.Until.IsZero() || !w.lift.Until.After(at) {
		return invalid("raising needs a widening that has not ended")
	}
	if err := more.checkRaise(); err != nil {
		return err
	}
	body, _ := json.Marshal(struct { // texts, a number and a time
		Execution terms.ExecutionID
		Limit     string
		By        int64
		Lift      Lift
	}{id, more.Limit, more.Take, w.lift})
	return l.decide(ctx, func() []step {
		return append(slices.Clone(also), step{
			op: Op{Key: executionKey(id), Add: map[string]int64{"cap/" + more.Limit: more.Take, "left/" + more.Limit: more.Take},
				If: []Condition{is("status", text(open)), {Attribute: "cap/" + more.Limit, Op: Exists}}},
			met: func(Item) error { return &Refusal{What: RefusedClosed} },
		}, l.noted("raised", "raise/"+string(id), body, at))
	})
}

func (a Amount) checkRaise() error {
	if a.Limit == CostLimit || a.Limit == "" || a.Take <= 0 {
		return invalid("what can be raised is a limit of the execution's own, by more than nothing")
	}
	return nil
}

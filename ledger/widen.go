package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"remit/terms"
)

// Want is a widening as its first person asks for it: a switch to resume, by kind and name,
// or a limit of an open execution to raise; never both. The zero Want asks for nothing.
type Want struct {
	Kind      SwitchKind
	Name      string
	Execution terms.ExecutionID
	More      Amount // of the execution
	Who, Why  string
	At, Until time.Time
}

// AskFor is how long a widening waits for its second person: long enough to find one, and
// too short to be found forgotten.
const AskFor = time.Hour

// The states of a widening that was asked for.
const (
	waiting Status = "waiting"
	used    Status = "used"
)

func (w Want) check() error {
	raises := w.Execution != ""
	switch {
	case w.Who == "":
		return invalid("a widening says who asks for it")
	case len(w.Why) > maxSaid:
		return invalid("a reason is a sentence, at most %d bytes", maxSaid)
	case raises == (w.Kind != "" || w.Name != ""):
		return invalid("a widening resumes a switch or raises a limit of an execution, one of them")
	}
	if err := checkLift(w.Why, w.At, w.Until); err != nil || !raises {
		return err
	}
	return w.More.checkRaise()
}

// AskToWiden keeps what one person asks for until a second one says so too, and answers its
// id. Nothing is widened. It fails with [ErrInvalid] for what says too little and for a switch
// that was not thrown, and with [*Refusal] unless the execution is open and has the limit.
func (l *Ledger) AskToWiden(ctx context.Context, w Want) (id string, err error) {
	if err := w.check(); err != nil {
		return "", err
	}
	id = l.token()
	body, _ := json.Marshal(w) // texts, a number and times
	i := Item{
		"kind": text("widening"), "id": text(id), "status": text(waiting), "body": Value{B: body},
		"expires": instant(w.At.Add(AskFor)), "ttl": seconds(w.At.Add(Keep)),
	}
	if w.Execution != "" {
		err = l.raisable(ctx, w.Execution, w.More.Limit)
	} else {
		i["was"], err = l.asThrown(ctx, w)
	}
	if err != nil {
		return "", err
	}
	return id, l.apply(ctx, []step{
		{op: Op{Key: wideningKey(id), Put: i}},
		l.noted("asked", "widen/"+id, body, w.At),
	})
}

// asThrown pins the switch that a widening was asked for: one that is thrown again is another.
func (l *Ledger) asThrown(ctx context.Context, w Want) (Value, error) {
	was, err := l.thrown(ctx, w.Kind, w.Name)
	return Value{B: was}, err
}

func (l *Ledger) raisable(ctx context.Context, id terms.ExecutionID, limit string) error {
	e, err := l.Execution(ctx, id)
	if err != nil {
		return err
	}
	if _, has := e.Caps[limit]; !e.Open || !has {
		return &Refusal{What: RefusedClosed}
	}
	return nil
}

// Widen does what somebody asked for, on a second person's word, and uses the asking up in the
// same transaction: it happens once, whoever else approves meanwhile. The same person may come
// again, after an error, and is answered as before. It fails with [ErrInvalid] for the first
// person, for what nobody asked for, what has expired or was used, and for a switch that was
// thrown again since; and like [Ledger.Raise].
func (l *Ledger) Widen(ctx context.Context, id, second string, at time.Time) (Want, error) {
	i, err := l.get(ctx, wideningKey(id))
	if err != nil {
		return Want{}, err
	}
	if i == nil {
		return Want{}, invalid("nobody asked for such a widening")
	}
	var w Want
	if err := json.Unmarshal(i["body"].B, &w); err != nil {
		return Want{}, errors.Join(ErrUnavailable, err)
	}
	right, err := Widen(w.Who, second, w.Why, at, w.Until)
	if err != nil {
		return Want{}, err
	}
	use := step{op: Op{Key: wideningKey(id), Set: Item{"status": text(used), "second": text(second), "used": instant(at)},
		If: []Condition{is("status", text(waiting)), after("expires", at)}}, met: func(i Item) error { return unusable(i, second) }}
	if w.Execution != "" {
		return w, l.raise(ctx, w.Execution, w.More, right, at, use)
	}
	return w, l.hold(ctx, i["was"].B, right, at, use)
}

// unusable says why an asking cannot be used, or that this very person has used it.
func unusable(i Item, second string) error {
	switch {
	case i.text("status") == string(used) && i.text("second") == second:
		return errAlready
	case i.text("status") == string(used):
		return invalid("that widening was approved before")
	}
	return invalid("that widening waited for longer than %v; ask for it again", AskFor)
}

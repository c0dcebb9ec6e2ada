package sim

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"time"

	"remit/ledger"
)

// world is one run: a database, processes that use it, true time, and the oracle.
type world struct {
	*oracle
	random    *rand.Rand
	db        *database
	processes []*process
	late      []delivery // that the network will bring again
	now       time.Time
	steps     int
	tokens    int
	conflicts int
	calm      bool // no faults any more: what is left must come right
	quiet     bool // conflicts, and no other fault
	gap       bool // plants a bug: conditions are looked at before the write, not with it
	blind     bool // plants a bug: nobody sees a throttle
	scene
}

type delivery struct {
	token string
	ops   []ledger.Op
}

// process is one running copy of the code: its own clock, and a coroutine that stands still
// at every request until the scheduler lets it go on.
type process struct {
	w       *world
	l       *ledger.Ledger
	off     time.Duration
	resume  func() (struct{}, bool)
	yield   func(struct{}) bool
	request func() error // what it waits for; run at one instant by the scheduler
	writes  *delivery    // of an Apply
	checked error        // plants a bug: what a check before the act said
	looked  bool
	tries   int
	answer  error
	dead    bool
}

// crashed unwinds a process that is gone.
type crashed struct{}

func (w *world) start(off time.Duration, body func(*process)) *process {
	p := &process{w: w, off: off}
	p.l = &ledger.Ledger{Store: p, Zone: zone, Token: func() string { w.tokens++; return fmt.Sprint("t", w.tokens) }}
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			p.dead = true
			if r := recover(); r != nil {
				if _, gone := r.(crashed); !gone {
					panic(r)
				}
			}
		}()
		p.yield = yield
		body(p)
	})
	p.resume = next
	w.stops = append(w.stops, stop)
	w.processes = append(w.processes, p)
	return p
}

func (p *process) now() time.Time { return p.w.now.Add(p.off) }

// ask stands still until the scheduler has run the request.
func (p *process) ask(writes *delivery, request func() error) error {
	p.request, p.writes, p.looked, p.tries = request, writes, false, 0
	if !p.yield(struct{}{}) {
		panic(crashed{})
	}
	return p.answer
}

// Apply, Get, List and Due make a process the store of its own ledger.

func (p *process) Apply(_ context.Context, token string, ops []ledger.Op) error {
	d := &delivery{token, ops}
	return p.ask(d, func() error { return p.w.deliver(p, d) })
}

func (p *process) Get(_ context.Context, k ledger.Key) (i ledger.Item, err error) {
	err = p.ask(nil, func() error {
		if !p.w.blind || !strings.HasPrefix(k.Partition, "THROTTLE#") {
			i = p.w.db.items[k]
		}
		return nil
	})
	return i, err
}

func (p *process) List(_ context.Context, table, partition string) (all []ledger.Item, err error) {
	err = p.ask(nil, func() error { all = p.w.db.list(table, partition); return nil })
	return all, err
}

func (p *process) Due(_ context.Context, before time.Time, limit int) (all []ledger.Item, err error) {
	err = p.ask(nil, func() error { all = p.w.db.due(before, limit); return nil })
	return all, err
}

func (w *world) deliver(p *process, d *delivery) error {
	if w.gap && p.looked {
		if p.checked != nil {
			return p.checked
		}
		w.db.write(d.ops, d.ops)
		return nil
	}
	return w.db.apply(d.token, d.ops)
}

// run lets processes take turns until none is left.
func (w *world) run() {
	for w.violation == "" {
		live := w.live()
		if len(live) == 0 {
			return
		}
		w.steps++
		w.turn(live[w.random.IntN(len(live))])
		if !w.calm {
			w.now = w.now.Add(time.Duration(w.random.IntN(4)) * time.Second)
			w.redeliver()
		}
	}
}

func (w *world) live() []*process {
	var out []*process
	for _, p := range w.processes {
		if !p.dead {
			out = append(out, p)
		}
	}
	return out
}

// turn lets one process make one step, with whatever happens to it.
func (w *world) turn(p *process) {
	if p.request == nil { // not begun
		p.resume()
		return
	}
	if w.gap && p.writes != nil && !p.looked {
		p.looked, p.checked = true, w.db.check(p.writes.ops)
		return
	}
	w.do(p, w.fate(p))
}

// do makes the step that a fate is. A process that was in conflict stays where it is, as
// the real store tries again under the same token, until it gives up.
func (w *world) do(p *process, f fate) {
	switch f {
	case throttled:
		p.answer = ledger.ErrUnavailable
	case conflicting:
		w.conflicts++
		if p.tries++; p.tries < 8 {
			return
		}
		p.answer = ledger.ErrUnavailable
	case lost:
		_ = p.request()
		p.answer = ledger.ErrUnavailable
	case twice:
		p.answer = p.request()
		w.late = append(w.late, *p.writes)
	case crashesBefore:
		p.dead = true
		return
	case crashesAfter:
		_ = p.request()
		p.dead = true
		return
	default:
		p.answer = p.request()
	}
	p.resume()
}

type fate int

const (
	served fate = iota
	throttled
	lost
	twice
	crashesBefore
	crashesAfter
	conflicting
)

func (w *world) fate(p *process) fate {
	if w.calm {
		return served
	}
	if w.contended(p) && w.random.IntN(3) == 0 {
		return conflicting
	}
	switch n := w.random.IntN(200); {
	case w.quiet:
	case n < 4:
		return throttled
	case p.writes == nil:
	case n < 10:
		return lost
	case n < 18:
		return twice
	case n < 20:
		return crashesBefore
	case n < 23:
		return crashesAfter
	}
	return served
}

// contended reports whether another transaction is in flight on one of the same items.
func (w *world) contended(p *process) bool {
	if p.writes == nil {
		return false
	}
	mine := map[ledger.Key]bool{}
	for _, op := range p.writes.ops {
		mine[op.Key] = true
	}
	for _, q := range w.live() {
		if q == p || q.writes == nil {
			continue
		}
		for _, op := range q.writes.ops {
			if mine[op.Key] {
				return true
			}
		}
	}
	return false
}

// redeliver brings a request once more that was answered long ago.
func (w *world) redeliver() {
	if len(w.late) == 0 || w.random.IntN(5) > 0 {
		return
	}
	n := w.random.IntN(len(w.late))
	d := w.late[n]
	w.late = append(w.late[:n], w.late[n+1:]...)
	_ = w.db.apply(d.token, d.ops)
}

package sim

import (
	"testing"
	"time"

	"remit/ledger"
	"remit/terms"
)

// every plays all runs that choices can lead to, and answers how many there were.
func every(play func(choose func(n int) int)) (runs int) {
	var path, sizes []int
	for {
		depth := 0
		play(func(n int) int {
			if depth == len(path) {
				path, sizes = append(path, 0), append(sizes, n)
			}
			depth++
			return path[depth-1]
		})
		runs++
		last := len(path) - 1
		for ; last >= 0 && path[last]+1 == sizes[last]; last-- {
		}
		if last < 0 {
			return runs
		}
		path, sizes = path[:last+1], sizes[:last+1]
		path[last]++
	}
}

// threeCallers is an execution with two calls left, a day with two left, and three callers:
// one settles, one releases, one settles and repeats its call.
func threeCallers(t *testing.T) *world {
	w := newWorld(0)
	u := users()[0]
	a := ledger.Admission{Execution: "e", User: u, Lane: laneNamed("stable"), At: w.now, Deadline: w.now.Add(time.Hour),
		Caps:   []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 2}, {Limit: ledger.CostLimit, Take: costCap}},
		Slices: []ledger.Slice{{Of: "user", Take: costCap, Cap: userCap, Date: "2026-11-24"}}}
	if _, err := (&ledger.Ledger{Store: &calm{d: w.db}}).Open(ctx, a); err != nil {
		t.Fatal(err)
	}
	for n, id := range []string{"settles", "releases", "repeats"} {
		w.start(0, func(p *process) {
			c := w.claim(p, a)
			c.Call, c.Tool, c.Owner, c.Once = terms.CallID(id), "read", nil, nil
			c.Takes = []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1}, {Limit: ledger.CostLimit, Take: 100}}
			c.Daily = []ledger.Daily{{Limit: "tool/read/ada", Take: 1, Cap: 2, Date: "2026-11-24", Indeterminate: true}}
			c.Intent = intentOf(c)
			for range 1 + n/2 {
				if r, err := p.l.Reserve(ctx, c); err == nil {
					w.finishAs(p, c, r, n == 1)
				}
			}
		})
	}
	return w
}

func TestThreeCallersUnderTwoLimitsInEveryOrderAndWithAnyOneFault(t *testing.T) {
	steps := 0
	runs := every(func(choose func(int) int) {
		w := threeCallers(t)
		faulty := false
		for _, p := range w.processes {
			w.do(p, throttled) // begins: each stands at its first request
		}
		for live := w.live(); len(live) > 0 && w.violation == ""; live = w.live() {
			p := live[choose(len(live))]
			f := served
			if p.writes != nil && !faulty {
				f = []fate{served, throttled, lost, crashesBefore, crashesAfter}[choose(5)]
				faulty = f != served
			}
			w.do(p, f)
			steps++
		}
		if w.violation == "" {
			w.settleDown()
		}
		for _, stop := range w.oracle.stops {
			stop()
		}
		if w.violation != "" {
			t.Fatal(w.violation)
		}
	})
	t.Logf("%d runs, %d steps", runs, steps)
	if runs < 1000 {
		t.Errorf("only %d runs: not every order was played", runs)
	}
}

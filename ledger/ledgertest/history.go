package ledgertest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"remit/ledger"
	"remit/terms"
)

// spending is what a history is made of: what one call asked of a limit, or gave back, and
// what it was told.
type spending struct {
	take, back int64
	admitted   bool
	left       int64 // of a refusal
}

// oneLimit is what a limit must look like to everybody who uses it at once: a number that
// is never below nothing, and refusals that tell what was really left at some instant of
// the call.
func oneLimit(cap int64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return cap },
		Step: func(state, input, output any) (bool, any) {
			left, in, out := state.(int64), input.(spending), output.(spending)
			switch {
			case in.back > 0:
				return true, left + in.back
			case out.admitted:
				return left >= in.take, left - in.take
			}
			return left < in.take && left == out.left, left
		},
	}
}

// history lets clients reserve and settle at once and judges what they were told as a
// whole.
func history(s *story) {
	const cap, clients, each = 700_000, 8, 6
	a := s.admission("e1", 1000)
	a.Slices = nil
	a.Caps[1].Take = cap
	_, err := s.l.Open(ctx, a)
	must(s.T, err)
	var mu sync.Mutex
	var told []porcupine.Operation
	var clock atomic.Int64
	note := func(client int, begun int64, in, out spending) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: begun, Return: clock.Add(1)})
	}
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			for n := range each {
				s.spend(client, n, &clock, note)
			}
		})
	}
	wait.Wait()
	if porcupine.CheckOperationsTimeout(oneLimit(cap), told, time.Minute) != porcupine.Ok {
		s.Errorf("what %d callers were told fits no order of their calls", clients)
	}
	refused := 0
	for _, o := range told {
		if in := o.Input.(spending); in.take > 0 && !o.Output.(spending).admitted {
			refused++
		}
	}
	if refused == 0 || refused == clients*each {
		s.Errorf("%d of %d calls were refused: the limit was not met", refused, clients*each)
	}
}

// spend is one call of one client: it takes, and settles for less.
func (s *story) spend(client, n int, clock *atomic.Int64, note func(int, int64, spending, spending)) {
	take := int64(60_000 + 20_000*((client+n)%5))
	c := ledger.Claim{Call: terms.CallID(fmt.Sprint(client, "/", n)), Execution: "e1", User: s.user, Tool: "t",
		Takes: []ledger.Amount{{Limit: ledger.CostLimit, Take: take}}, Lease: time.Minute, At: s.at}
	begun := clock.Add(1)
	_, err := s.l.Reserve(ctx, c)
	var r *ledger.Refusal
	if errors.As(err, &r) {
		note(client, begun, spending{take: take}, spending{left: r.Left})
		return
	}
	if err != nil {
		s.Error(err)
		return
	}
	note(client, begun, spending{take: take}, spending{admitted: true})
	begun = clock.Add(1)
	if err := s.l.Settle(ctx, c.Call, s.outcome(c, ledger.Done, take/2)); err != nil {
		s.Error(err)
	}
	note(client, begun, spending{back: take - take/2}, spending{})
}

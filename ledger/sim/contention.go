package sim

import (
	"fmt"
	"time"

	"remit/ledger"
	"remit/terms"
)

// Contention opens an execution for each of some users at once, all of one tenant or each
// of its own, and lets each make a call. It answers how many transactions met a conflict
// while opening and while reserving: what an account pays for is both.
func Contention(clients int, oneTenant bool) (opening, reserving int) {
	w := newWorld(7)
	w.quiet = true
	w.db.done, w.db.wrote = func() {}, func(ledger.Op, ledger.Item, ledger.Item) {}
	claims := make([]ledger.Claim, 0, clients)
	for n := range clients {
		u := terms.User{ID: fmt.Sprint("user", n), Tenant: "acme"}
		if !oneTenant {
			u.Tenant = fmt.Sprint("tenant", n)
		}
		a := w.admission(&process{w: w}, u, "stable", callCap)
		a.Deadline, a.Hour = a.At.Add(24*time.Hour), 0
		for i := range a.Slices {
			a.Slices[i].Cap = int64(clients) * costCap
		}
		w.start(0, func(p *process) {
			for {
				if _, err := p.l.Open(ctx, a); err == nil {
					return
				}
				a.Execution += "'" // an unanswered opening is tried under another id
			}
		})
		claims = append(claims, w.claim(&process{w: w}, a))
		claims[n].Owner, claims[n].Once = nil, nil
		claims[n].Takes = claims[n].Takes[:1]
	}
	w.run()
	opening = w.conflicts
	for n, c := range claims {
		c.Execution = w.openOf(fmt.Sprint("user", n))
		w.start(0, func(p *process) { _, _ = p.l.Reserve(ctx, c) })
	}
	w.run()
	return opening, w.conflicts - opening
}

func (w *world) openOf(user string) terms.ExecutionID {
	for _, i := range w.db.items {
		if i["kind"].S == "execution" && i["user"].S == user {
			return terms.ExecutionID(i["execution"].S)
		}
	}
	return ""
}

package ledgertest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"remit/ledger"
)

func (s *story) wants(change func(*ledger.Want)) ledger.Want {
	w := ledger.Want{Who: "op", Why: "month end", At: s.at, Until: s.at.Add(2 * time.Hour)}
	change(&w)
	return w
}

func (s *story) wantsCall() ledger.Want {
	return s.wants(func(w *ledger.Want) {
		w.Execution, w.More = "e1", ledger.Amount{Limit: ledger.ToolCallsLimit, Take: 1}
	})
}

func (s *story) wantsLane() ledger.Want {
	return s.wants(func(w *ledger.Want) { w.Kind, w.Name = ledger.SwitchLane, s.lane.String() })
}

func (s *story) ask(w ledger.Want) string {
	s.Helper()
	id, err := s.l.AskToWiden(ctx, w)
	must(s.T, err)
	return id
}

func (s *story) stopLane(why string) {
	s.Helper()
	_, err := s.l.Stop(ctx, ledger.Switch{Kind: ledger.SwitchLane, Name: s.lane.String(), Who: "op", Why: why, At: s.at})
	must(s.T, err)
}

func (s *story) widens(id, second string) {
	s.Helper()
	_, err := s.l.Widen(ctx, id, second, s.at)
	must(s.T, err)
}

// invalid: nothing was widened, because nobody may.
func (s *story) invalid(id, second string) {
	s.Helper()
	if _, err := s.l.Widen(ctx, id, second, s.at); !errors.Is(err, ledger.ErrInvalid) {
		s.Errorf("%q widened on %q: %v", second, id, err)
	}
}

func widen(s *story) {
	s.open("e1", 1)
	call := s.ask(s.wantsCall())
	same(s.T, "the cap once it was asked for", s.execution("e1").Caps[ledger.ToolCallsLimit], int64(1))
	for _, second := range []string{"op", " OP ", ""} {
		s.invalid(call, second)
	}
	s.invalid("another", "boss")
	s.widens(call, "boss")
	s.widens(call, "boss") // after an answer that was lost
	s.invalid(call, "chief")
	same(s.T, "the cap", s.execution("e1").Caps[ledger.ToolCallsLimit], int64(2))

	s.stopLane("odd")
	lane := s.ask(s.wantsLane())
	_, err := s.l.Open(ctx, s.admission("e2", 1))
	same(s.T, "an opening while it waits", s.refused(err), ledger.RefusedStopped)
	s.widens(lane, "boss")
	s.open("e3", 1)
	switches, err := s.l.Switches(ctx)
	must(s.T, err)
	same(s.T, "who lifted it", *switches[0].Lifted, ledger.Lift{First: "op", Second: "boss", Why: "month end", Until: s.at.Add(2 * time.Hour)})
	records, err := s.store.List(ctx, ledger.LedgerTable, "RECORD#SWITCHES")
	must(s.T, err)
	same(s.T, "records: two askings, a raise, a stop and a lift", len(records), 5)
}

func askTooLittle(s *story) {
	s.open("e1", 1)
	for name, w := range map[string]ledger.Want{
		"nothing":                   s.wants(func(*ledger.Want) {}),
		"both":                      s.wants(func(w *ledger.Want) { *w = s.wantsCall(); w.Kind, w.Name = ledger.SwitchLane, s.lane.String() }),
		"nobody":                    s.wants(func(w *ledger.Want) { *w = s.wantsCall(); w.Who = "" }),
		"no reason":                 s.wants(func(w *ledger.Want) { *w = s.wantsCall(); w.Why = "" }),
		"a book of a reason":        s.wants(func(w *ledger.Want) { *w = s.wantsCall(); w.Why = strings.Repeat("x", 2000) }),
		"no end":                    s.wants(func(w *ledger.Want) { *w = s.wantsCall(); w.Until = s.at }),
		"an end far away":           s.wants(func(w *ledger.Want) { *w = s.wantsCall(); w.Until = s.at.Add(ledger.MaxLift + time.Second) }),
		"money":                     s.wants(func(w *ledger.Want) { *w = s.wantsCall(); w.More.Limit = ledger.CostLimit }),
		"less":                      s.wants(func(w *ledger.Want) { *w = s.wantsCall(); w.More.Take = -1 }),
		"a switch nobody threw":     s.wantsLane(),
		"an execution that stopped": s.wants(func(w *ledger.Want) { w.Kind, w.Name = ledger.SwitchExecution, "e1" }),
		"half a switch":             s.wants(func(w *ledger.Want) { w.Kind = ledger.SwitchLane }),
		"a switch without its kind": s.wants(func(w *ledger.Want) { w.Name = s.lane.String() }),
	} {
		if id, err := s.l.AskToWiden(ctx, w); !errors.Is(err, ledger.ErrInvalid) {
			s.Errorf("%s was asked for as %q: %v", name, id, err)
		}
	}
	if _, err := s.l.Stop(ctx, ledger.Switch{Kind: ledger.SwitchTool, Name: "t", Who: "op", Why: strings.Repeat("x", 2000), At: s.at}); !errors.Is(err, ledger.ErrInvalid) {
		s.Errorf("a book of a reason was kept beside all switches: %v", err)
	}
	for name, change := range map[string]func(*ledger.Want){
		"an execution nobody opened": func(w *ledger.Want) { w.Execution = "nobody" },
		"a limit it does not have":   func(w *ledger.Want) { w.More.Limit = ledger.TokensLimit },
	} {
		_, err := s.l.AskToWiden(ctx, s.wants(func(w *ledger.Want) { *w = s.wantsCall(); change(w) }))
		same(s.T, name, s.refused(err), ledger.RefusedClosed)
	}
}

func widenStale(s *story) {
	s.stopLane("odd")
	lane := s.ask(s.wantsLane())
	s.at = s.at.Add(time.Second)
	s.stopLane("odd again")
	s.invalid(lane, "boss")
	again := s.ask(s.wantsLane())
	s.at = s.at.Add(ledger.AskFor)
	s.invalid(again, "boss")
	short := s.ask(s.wants(func(w *ledger.Want) { *w = s.wantsLane(); w.Until = s.at.Add(time.Minute) }))
	s.at = s.at.Add(2 * time.Minute)
	s.invalid(short, "boss")
	_, err := s.l.Open(ctx, s.admission("e1", 1))
	same(s.T, "an opening after all that", s.refused(err), ledger.RefusedStopped)
	last := s.ask(s.wantsLane())
	s.at = s.at.Add(ledger.AskFor - time.Second)
	s.widens(last, "boss")
	s.open("e2", 1)

	call := s.ask(s.wants(func(w *ledger.Want) { *w = s.wantsCall(); w.Execution = "e2" }))
	must(s.T, s.l.Close(ctx, "e2", "done", s.at))
	_, err = s.l.Widen(ctx, call, "boss", s.at)
	same(s.T, "a limit of an execution that has closed", s.refused(err), ledger.RefusedClosed)
}

func widenRace(s *story) {
	s.open("e1", 1)
	call := s.ask(s.wantsCall())
	var widened atomic.Int64
	var wait sync.WaitGroup
	for n := range 16 {
		wait.Go(func() {
			for range 50 {
				_, err := s.l.Widen(ctx, call, fmt.Sprint("boss ", n), s.at)
				if err == nil {
					widened.Add(1)
				}
				if !errors.Is(err, ledger.ErrUnavailable) {
					return
				}
			}
		})
	}
	wait.Wait()
	same(s.T, "people who widened", widened.Load(), int64(1))
	same(s.T, "the cap", s.execution("e1").Caps[ledger.ToolCallsLimit], int64(2))
}

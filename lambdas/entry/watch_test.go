package entry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"remit/ledger"
	"remit/terms"
)

// speaking is an agent that says half and then nothing, until its request ends.
func (h *house) speaking() (begun <-chan terms.ExecutionID, why <-chan error) {
	started, left := make(chan terms.ExecutionID, 1), make(chan error, 1)
	agent, speak := io.Pipe()
	h.agents.answer = func(ctx context.Context, i Invocation) (Answer, error) {
		go func() {
			_, _ = io.WriteString(speak, "half") // the entry may be gone first
			started <- i.Session
			<-ctx.Done()
			left <- context.Cause(ctx)
			_ = speak.CloseWithError(ctx.Err()) // as the body of an aborted HTTP request does
		}()
		return Answer{"text/plain", agent}, nil
	}
	return started, left
}

func TestAnAnswerIsCutOnceItsExecutionIsStoppedUsedUpOrClosed(t *testing.T) {
	for name, c := range map[string]struct {
		end func(h *house, id terms.ExecutionID) error
		why string
	}{
		"an operator stops it": {func(h *house, id terms.ExecutionID) error {
			_, err := h.ledger.Stop(context.Background(), ledger.Switch{Kind: ledger.SwitchExecution, Name: string(id), Who: "op", Why: "odd", At: h.at})
			return err
		}, "odd"},
		"an operator stops its user": {func(h *house, _ terms.ExecutionID) error {
			_, err := h.ledger.Stop(context.Background(), ledger.Switch{Kind: ledger.SwitchUser, Name: ledger.UserName(ana), Who: "op", Why: "gone", At: h.at})
			return err
		}, "gone"},
		"its tool calls are metered away": {func(h *house, id terms.ExecutionID) error {
			_, err := h.ledger.Charge(context.Background(), ledger.Metered{Execution: id, Call: "r", At: h.at, Amounts: []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 20}}})
			return err
		}, "tool_calls is used up"},
		"somebody closes it": {func(h *house, id terms.ExecutionID) error {
			return h.ledger.Close(context.Background(), id, "the user ended it", h.at)
		}, "the user ended it"},
	} {
		h := newHouse(t)
		begun, left := h.speaking()
		answer := make(chan *httptest.ResponseRecorder)
		login := h.loginOf(t, ana, nil)
		go func() { answer <- h.ask(t, "POST /executions", login, asking) }()
		id := <-begun
		h.ticks <- h.at // it is open, and nothing happens
		if err := c.end(h, id); err != nil {
			t.Fatal(err)
		}
		var why error
		select { // the look that was asked for above may come only now, and see the end
		case h.ticks <- h.at:
			why = <-left
		case why = <-left:
		}
		if why.Error() != "the execution has ended: "+c.why {
			t.Errorf("%s: the agent's request ended because %v", name, why)
		}
		if ended := <-h.agents.ended; ended != id {
			t.Errorf("%s: session %s was stopped, not %s", name, ended, id)
		}
		if w := <-answer; w.Body.String() != "half" {
			t.Errorf("%s: the application saw %q", name, w.Body)
		}
		h.isOver(t, id, c.why)
	}
}

func TestAnAgentThatHasNotAnsweredYetIsEndedToo(t *testing.T) {
	h := newHouse(t)
	begun := make(chan terms.ExecutionID, 1)
	h.agents.answer = func(ctx context.Context, i Invocation) (Answer, error) {
		begun <- i.Session
		<-ctx.Done()
		return Answer{}, ctx.Err()
	}
	answer := make(chan *httptest.ResponseRecorder)
	login := h.loginOf(t, ana, nil)
	go func() { answer <- h.ask(t, "POST /executions", login, asking) }()
	id := <-begun
	if err := h.ledger.Close(context.Background(), id, "over", h.at); err != nil {
		t.Fatal(err)
	}
	h.ticks <- h.at
	if w := <-answer; w.Code != http.StatusBadGateway {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.isOver(t, id, "over")
}

// silent is a ledger that opens and closes, and cannot say how an execution stands.
type silent struct{ Ledger }

func (silent) Execution(context.Context, terms.ExecutionID) (ledger.Execution, error) {
	return ledger.Execution{}, errors.New("throttled")
}

func TestALedgerThatDoesNotAnswerEndsNobody(t *testing.T) {
	h := newHouse(t)
	h.Ledger = silent{h.ledger}
	agent, speak := io.Pipe()
	h.agents.answer = func(context.Context, Invocation) (Answer, error) { return Answer{"text/plain", agent}, nil }
	answer := make(chan *httptest.ResponseRecorder)
	login := h.loginOf(t, ana, nil)
	go func() { answer <- h.ask(t, "POST /executions", login, asking) }()
	if _, err := io.WriteString(speak, "one "); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		h.ticks <- h.at
	}
	if _, err := io.WriteString(speak, "two"); err != nil {
		t.Fatal(err)
	}
	_ = speak.Close()
	if w := <-answer; w.Body.String() != "one two" {
		t.Errorf("the application saw %q", w.Body)
	}
	h.isOver(t, <-h.agents.ended, "answered")
}

func TestWithoutLookingNobodyIsAdmitted(t *testing.T) {
	h := newHouse(t)
	h.Looks = nil
	if w := h.ask(t, "POST /executions", h.loginOf(t, ana, nil), asking); w.Code != http.StatusForbidden || len(h.agents.invoked) != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestLookingComesRoundAndEnds(t *testing.T) {
	ticks, stop := Every(time.Microsecond)()
	<-ticks
	stop()
	if _, more := Every(time.Hour)(); more == nil {
		t.Error("looking never ends")
	}
}

func TestWhatIsKnownLateIsHeldForSoLong(t *testing.T) {
	h := newHouse(t)
	h.lanes.list[0].Late = 300
	w := h.ask(t, "POST /executions", h.loginOf(t, ana, nil), asking)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "done") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	<-h.agents.ended
	if taken := h.taken(t, ana); taken != [2]int64{200, 200} {
		t.Errorf("the days have back what may still be used up: %v are taken", taken)
	}
}

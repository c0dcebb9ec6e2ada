// Package operate is where people intervene while agents run: they stop a lane, a tool, a user
// or an execution, look at what is stopped and what a day has used, and ask to undo a stop or
// to raise a limit, which a second person approves. It knows two roles that people come in,
// their names as AWS states them, and the ledger; it knows no credential and no AWS service.
// Start with [Desk.Handler]. The zero [Desk] serves nobody.
//
// It is the one part that can widen, so that no person's role has to reach the ledger: whoever
// may write a switch may lift it too, and one person could write the second's name.
package operate

import (
	"context"
	"net/http"
	"time"

	"remit/lambdas/person"
	"remit/ledger"
	"remit/terms"
)

// Roles are the roles that people come in, by ARN. One without an ARN is nobody's.
type Roles struct{ Operator, Breakglass string }

// Person is who operates. Only somebody who broke the glass may approve. The zero Person is
// nobody.
type Person struct {
	Name       string
	Breakglass bool
}

// Person is who a session is of: nobody, where it is of no such role.
func (r Roles) Person(who person.Identity) (Person, bool) {
	for role, breakglass := range map[string]bool{r.Operator: false, r.Breakglass: true} {
		if name, is := person.In(role, who); is {
			return Person{name, breakglass}, true
		}
	}
	return Person{}, false
}

// Ledger is what operating takes of one; see package ledger.
type Ledger interface {
	Stop(context.Context, ledger.Switch) ([]terms.ExecutionID, error)
	Switches(context.Context) ([]ledger.Switch, error)
	Budget(ctx context.Context, u terms.User, day terms.Date, limits ...string) (ledger.Budget, error)
	AskToWiden(context.Context, ledger.Want) (id string, err error)
	Widen(ctx context.Context, id, second string, at time.Time) (ledger.Want, error)
}

// Desk serves one environment. All fields are required but Zone, which is UTC.
type Desk struct {
	Ledger   Ledger
	Zone     terms.Zone // where days begin
	Roles    Roles
	Identify func(*http.Request) person.Identity // as AWS verified it, never as the request says
	Widened  func(w ledger.Want, second string)
	Note     func(reference, why string) // one line for operators
	Now      func() time.Time
}

func (d *Desk) complete() bool {
	return d.Ledger != nil && d.Identify != nil && d.Widened != nil && d.Note != nil && d.Now != nil
}

// The questions and answers, as JSON. Names are as the ledger's switches have them.
type (
	// StopAsked stops something at its next call.
	StopAsked struct {
		Kind ledger.SwitchKind `json:"kind"`
		Name string            `json:"name"`
		Why  string            `json:"why"`
	}
	// Stopped says who stopped it, and which open executions that ended.
	Stopped struct {
		By         string              `json:"by"`
		Executions []terms.ExecutionID `json:"executions"`
	}
	// BudgetAsked asks for today, and for the tools whose calls are counted by the day.
	BudgetAsked struct {
		User   string   `json:"user"`
		Tenant string   `json:"tenant"`
		Tools  []string `json:"tools"`
	}
	// Budget is a day: MicroUSD, and calls by tool.
	Budget struct {
		Date   terms.Date       `json:"date"`
		User   int64            `json:"user"`
		Tenant int64            `json:"tenant"`
		Calls  map[string]int64 `json:"calls"`
	}
	// Switch is what is stopped, and until when it is held off.
	Switch struct {
		Kind   ledger.SwitchKind `json:"kind"`
		Name   string            `json:"name"`
		Who    string            `json:"who"`
		Why    string            `json:"why"`
		At     time.Time         `json:"at"`
		Lifted *Lifted           `json:"lifted,omitempty"`
	}
	// Lifted is who holds a switch off.
	Lifted struct {
		First  string    `json:"first"`
		Second string    `json:"second"`
		Why    string    `json:"why"`
		Until  time.Time `json:"until"`
	}
	// Switches is what is stopped, in order of kind and name.
	Switches struct {
		Switches []Switch `json:"switches"`
	}
	// Asked asks to undo a stop, by kind and name, or to raise a limit of an execution.
	Asked struct {
		Kind      ledger.SwitchKind `json:"kind,omitempty"`
		Name      string            `json:"name,omitempty"`
		Execution terms.ExecutionID `json:"execution,omitempty"`
		Limit     string            `json:"limit,omitempty"`
		By        int64             `json:"by,omitempty"`
		Why       string            `json:"why"`
		Until     time.Time         `json:"until"`
	}
	// Waiting is the id that a second person approves, who asked, and how long it waits.
	Waiting struct {
		ID      string    `json:"id"`
		By      string    `json:"by"`
		Expires time.Time `json:"expires"`
	}
	// ApprovalAsked approves what somebody else asked for.
	ApprovalAsked struct {
		ID string `json:"id"`
	}
	// Approved is what was then done.
	Approved struct {
		Asked
		First  string `json:"first"`
		Second string `json:"second"`
	}
	// Failure is why nothing was done. Reference is what operators find in the log.
	Failure struct {
		Error     string `json:"error"`
		Reference string `json:"reference,omitempty"`
	}
)

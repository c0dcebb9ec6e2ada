package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"remit/lambdas/operate"
	"remit/ledger"
	"remit/platform"
	"remit/terms"
)

// intervene asks the environment's operating function, after a verb's own arguments.
func intervene[Q, A any](c *command, e platform.Environment, site platform.Site, verb string, question Q) (answer A, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), compareTimeout)
	defer cancel()
	desk, err := signInAt(ctx, e, site, c.breakGlass || verb == "approve")
	if err != nil {
		return answer, err
	}
	return answer, desk.ask(ctx, verb, question, &answer)
}

// budget prints a user's and a tenant's day: `remit budget show USER --tenant T`.
func budget(c *command, arguments []string) error {
	if len(arguments) < 2 || arguments[0] != "show" || c.tenant == "" {
		return usage{"budget show USER --tenant TENANT"}
	}
	e, site, err := c.one(arguments[2:])
	if err != nil {
		return err
	}
	asked := operate.BudgetAsked{User: arguments[1], Tenant: c.tenant, Tools: []string{}}
	for _, limit := range e.Limits.Tools {
		asked.Tools = append(asked.Tools, limit.Tool)
	}
	day, err := intervene[operate.BudgetAsked, operate.Budget](c, e, site, "budget", asked)
	if err != nil {
		return err
	}
	return c.print(day, budgetText(e, asked, day))
}

func budgetText(e platform.Environment, asked operate.BudgetAsked, day operate.Budget) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s of %s, %s in %s\n", asked.User, asked.Tenant, day.Date, e.Day)
	fmt.Fprintf(&text, "  cost          %s of %s, open executions at their most\n", terms.MicroUSD(day.User), e.Limits.User.CostPerDay)
	fmt.Fprintf(&text, "  tenant's cost %s of %s\n", terms.MicroUSD(day.Tenant), e.Limits.Tenant.CostPerDay)
	for _, limit := range e.Limits.Tools {
		fmt.Fprintf(&text, "  %-13s %d of %d calls\n", limit.Tool, day.Calls[limit.Tool], limit.PerUserPerDay)
	}
	return text.String()
}

// switches prints what is stopped.
func switches(c *command, arguments []string) error {
	e, site, err := c.one(arguments)
	if err != nil {
		return err
	}
	thrown, err := intervene[struct{}, operate.Switches](c, e, site, "switches", struct{}{})
	if err != nil {
		return err
	}
	var text strings.Builder
	if len(thrown.Switches) == 0 {
		text.WriteString("nothing is stopped\n")
	}
	for _, s := range thrown.Switches {
		fmt.Fprintf(&text, "%s %s: %s, by %s at %s\n", s.Kind, s.Name, s.Why, s.Who, s.At.Format(time.RFC3339))
		if s.Lifted != nil {
			fmt.Fprintf(&text, "  held off until %s: %s, by %s and %s\n", s.Lifted.Until.Format(time.RFC3339), s.Lifted.Why, s.Lifted.First, s.Lifted.Second)
		}
	}
	return c.print(thrown, text.String())
}

// stop stops a lane, user, tool or execution: nothing new opens, and the next call of what
// is open is refused. It only narrows.
func stop(c *command, arguments []string) error {
	kinds := []ledger.SwitchKind{ledger.SwitchLane, ledger.SwitchUser, ledger.SwitchTool, ledger.SwitchExecution}
	if len(arguments) < 2 || !slices.Contains(kinds, ledger.SwitchKind(arguments[0])) || c.reason == "" {
		return usage{"stop lane|tool|user|execution NAME --why REASON; a user is named USER with --tenant TENANT, a lane agent/lane"}
	}
	e, site, err := c.one(arguments[2:])
	if err != nil {
		return err
	}
	kind := ledger.SwitchKind(arguments[0])
	name, err := c.switchName(e, site, kind, arguments[1])
	if err != nil {
		return err
	}
	done, err := intervene[operate.StopAsked, operate.Stopped](c, e, site, "stop", operate.StopAsked{Kind: kind, Name: name, Why: c.reason})
	if err != nil {
		return fmt.Errorf("%w; stopping twice is safe", err)
	}
	return c.print(struct {
		Kind ledger.SwitchKind `json:"kind"`
		Name string            `json:"name"`
		operate.Stopped
	}{kind, name, done}, fmt.Sprintf("%s %s is stopped by %s; %s at the next call\n", kind, name, done.By, ends(len(done.Executions))))
}

func ends(executions int) string {
	if executions == 1 {
		return "1 open execution ends"
	}
	return fmt.Sprintf("%d open executions end", executions)
}

// switchName is what the ledger calls a lane, user, tool or execution. One that the declaration
// does not know may still be deployed, so it is said and not refused.
func (c *command) switchName(e platform.Environment, site platform.Site, kind ledger.SwitchKind, name string) (string, error) {
	known := true
	switch kind {
	case ledger.SwitchUser:
		if c.tenant == "" {
			return "", usage{"a user is named with --tenant TENANT"}
		}
		return ledger.UserName(terms.User{ID: name, Tenant: c.tenant}), nil
	case ledger.SwitchLane:
		agent, lane, ok := strings.Cut(name, "/")
		if !ok {
			return "", usage{"a lane is named agent/lane"}
		}
		known = slices.ContainsFunc(e.Lanes, func(s platform.LaneSet) bool {
			return s.Agent == agent && slices.ContainsFunc(s.Lanes, func(l platform.Lane) bool { return l.Name == lane })
		})
		name = terms.Lane{Platform: site.Platform, Environment: site.Environment, Agent: agent, Name: lane}.String()
	case ledger.SwitchTool:
		_, known = e.Target(name)
	}
	if !known {
		fmt.Fprintf(c.err, "remit: the declaration of %s has no %s %s; it is asked all the same, under that name\n", e.Name, kind, name)
	}
	return name, nil
}

// resume asks to undo a stop for a while.
func resume(c *command, arguments []string) error {
	kinds := []ledger.SwitchKind{ledger.SwitchLane, ledger.SwitchUser, ledger.SwitchTool}
	if len(arguments) < 2 || !slices.Contains(kinds, ledger.SwitchKind(arguments[0])) {
		return usage{"resume lane|tool|user NAME --why REASON --until TIME; an execution that was stopped stays stopped"}
	}
	e, site, err := c.one(arguments[2:])
	if err != nil {
		return err
	}
	asked := operate.Asked{Kind: ledger.SwitchKind(arguments[0])}
	if asked.Name, err = c.switchName(e, site, asked.Kind, arguments[1]); err != nil {
		return err
	}
	return c.propose(e, site, asked, arguments[2:])
}

// raise asks for more of one limit of an open execution.
func raise(c *command, arguments []string) error {
	if len(arguments) < 3 {
		return usage{"raise EXECUTION LIMIT BY --why REASON --until TIME; LIMIT is " + ledger.ToolCallsLimit + ", " + ledger.TokensLimit + " or " + ledger.ModelCostLimit}
	}
	e, site, err := c.one(arguments[3:])
	if err != nil {
		return err
	}
	by, err := strconv.ParseInt(arguments[2], 10, 64)
	if err != nil || by <= 0 {
		return usage{fmt.Sprintf("by how much? %q is no number above 0, in the limit's own unit", arguments[2])}
	}
	return c.propose(e, site, operate.Asked{Execution: terms.ExecutionID(arguments[0]), Limit: arguments[1], By: by}, arguments[3:])
}

func (c *command) propose(e platform.Environment, site platform.Site, asked operate.Asked, declaration []string) error {
	if c.reason == "" || c.until == "" {
		return usage{"--why says the reason, --until when it ends: 2h, or 2026-11-24T18:00:00Z"}
	}
	var err error
	if asked.Until, err = untilOf(c.until, time.Now()); err != nil {
		return err
	}
	asked.Why = c.reason
	waits, err := intervene[operate.Asked, operate.Waiting](c, e, site, "propose", asked)
	if err != nil {
		return err
	}
	second := strings.Join(append([]string{"remit approve", waits.ID, "--env", e.Name}, declaration...), " ")
	return c.print(struct {
		operate.Waiting
		Approve string `json:"approve"`
	}{waits, second}, fmt.Sprintf("asked by %s; nothing has changed yet\nuntil %s somebody else may: %s\n", waits.By, waits.Expires.Format(time.RFC3339), second))
}

// untilOf reads a duration from now, or a time.
func untilOf(given string, now time.Time) (time.Time, error) {
	until, err := time.Parse(time.RFC3339, given)
	if d, bad := time.ParseDuration(given); bad == nil {
		until, err = now.Add(d), nil
	}
	switch {
	case err != nil:
		return time.Time{}, usage{fmt.Sprintf("until when? %q is neither a duration, such as 2h, nor a time, such as 2026-11-24T18:00:00Z", given)}
	case !until.After(now):
		return time.Time{}, usage{fmt.Sprintf("until %s: that is over", given)}
	case until.Sub(now) > ledger.MaxLift:
		return time.Time{}, usage{fmt.Sprintf("until %s: at most %v from now; what should hold for longer is a change of the declaration", given, ledger.MaxLift)}
	}
	return until.UTC().Truncate(time.Second), nil
}

// approve does what somebody else asked for.
func approve(c *command, arguments []string) error {
	if len(arguments) < 1 {
		return usage{"approve ID; whoever asked was told it"}
	}
	e, site, err := c.one(arguments[1:])
	if err != nil {
		return err
	}
	done, err := intervene[operate.ApprovalAsked, operate.Approved](c, e, site, "approve", operate.ApprovalAsked{ID: arguments[0]})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s %s runs again until %s", done.Kind, done.Name, done.Until.Format(time.RFC3339))
	if done.Execution != "" {
		what = fmt.Sprintf("%s of %s is raised by %d", done.Limit, done.Execution, done.By)
	}
	return c.print(done, fmt.Sprintf("%s: %s, by %s and %s\n", what, done.Why, done.First, done.Second))
}

// errNoOperations says how an environment gets a place to intervene at.
func errNoOperations(e platform.Environment) error {
	return errors.New(e.Name + " declares no operations, so nobody can intervene there but by deploying; declare operations: {operators: [role ARNs], breakglass: [role ARNs]}")
}

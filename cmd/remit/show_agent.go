package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"remit/platform"
)

// agentView is one agent: who may use it, what it may do, and as what it runs where.
type agentView struct {
	Agent       string     `json:"agent"`
	Team        string     `json:"team"`
	IntendedUse string     `json:"intended_use"`
	Limitations string     `json:"limitations,omitempty"`
	Tier        string     `json:"tier,omitempty"`
	Purposes    []string   `json:"purposes"`
	Callers     []string   `json:"callers"`
	Models      any        `json:"models"` // under the declaration's keys, as are memory and events
	Tools       []string   `json:"tools"`
	Memory      any        `json:"memory,omitempty"`
	Events      any        `json:"events,omitempty"`
	Lanes       []laneView `json:"lanes"`

	agent platform.Agent
}

// laneView is one lane: its identity, its limits, and what constraints leave of its tools.
type laneView struct {
	Lane        string   `json:"lane"`
	Role        string   `json:"execution_role"`
	Code        string   `json:"code"`
	Prompts     string   `json:"prompts"`
	Parameters  string   `json:"parameters"`
	Share       string   `json:"share,omitempty"`
	ReadOnly    bool     `json:"read_only"`
	Narrowed    bool     `json:"narrowed"` // constraints or the environment take tools away
	Tools       []string `json:"tools"`
	Limits      any      `json:"limits,omitempty"`
	Constraints []string `json:"constraints,omitempty"` // what holds in this lane, with its name

	limits *platform.AgentLimits
}

func showAgent(c *command, p *platform.Platform, name string) error {
	a, ok := p.Agent(name)
	if !ok {
		return usage{fmt.Sprintf("%s has no agent %q; %s", p.Name, name, among(name, agentNames(p)))}
	}
	environments, err := c.environmentsOf(p)
	if err != nil {
		return err
	}
	v := agentView{Agent: a.Name, Team: a.Team, IntendedUse: a.IntendedUse, Limitations: a.Limitations, Tier: a.Tier, Purposes: a.Purposes,
		Callers: p.RolesAbove(a.Callers), Models: words(a.Models), Tools: a.Tools, Memory: words(a.Memory), Events: words(a.Events), agent: a}
	for _, e := range environments {
		for _, lane := range p.Lanes(e) {
			if lane.Agent == name {
				v.Lanes = append(v.Lanes, viewLane(p, lane))
			}
		}
	}
	return c.print(v, v.text())
}

func agentNames(p *platform.Platform) []string {
	var out []string
	for _, a := range p.Agents {
		out = append(out, a.Name)
	}
	return out
}

func viewLane(p *platform.Platform, lane platform.Running) laneView {
	v := laneView{Lane: lane.Term().String(), Role: lane.Role("execution"), Code: string(lane.Version.Code), Prompts: string(lane.Version.Prompts), Parameters: string(lane.Version.Parameters),
		ReadOnly: lane.ReadOnly, Tools: []string{}}
	if lane.Version.Share > 0 {
		v.Share = lane.Version.Share.String()
	}
	for _, t := range lane.Tools {
		v.Tools = append(v.Tools, t.Name)
	}
	v.Narrowed = len(lane.Tools) < len(lane.Actor.Tools)
	for _, k := range p.ConstraintsOn(lane.Environment) {
		if k.When.Lane == "" || k.When.Lane == lane.Lane {
			v.Constraints = append(v.Constraints, forbidden(k)+" "+strings.TrimSpace(sayWhen(k)))
		}
	}
	for _, l := range lane.Environment.Limits.Agents {
		if l.Agent == lane.Agent {
			v.Limits, v.limits = words(l), &l
		}
	}
	return v
}

// forbidden is what a constraint refuses, whatever the moment.
func forbidden(k platform.Constraint) string {
	what := "any call"
	if access := cmp.Or(k.Forbid.Access, k.When.Access); access != "" {
		what = "a " + string(access)
	}
	if class := cmp.Or(k.Forbid.DataClass, k.When.DataClass); class != "" {
		what += " of " + class
	}
	if len(k.Forbid.Tools) > 0 {
		what += " through " + strings.Join(k.Forbid.Tools, ", ")
	}
	return what
}

func (v agentView) text() string {
	var out strings.Builder
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&out, "  %-12s %s\n", label, text)
		}
	}
	fmt.Fprintf(&out, "agent %s\n", v.Agent)
	line("for", v.IntendedUse)
	line("not for", v.Limitations)
	line("owned by", v.Team)
	line("risk tier", v.Tier)
	line("used by", strings.Join(v.Callers, ", ")+", for "+strings.Join(v.Purposes, ", "))
	line("models", strings.Join(append(slices.Clone(v.agent.Models.IDs), v.agent.Models.Profiles...), ", ")+" via "+v.agent.Models.Via)
	line("tools", strings.Join(v.Tools, ", "))
	if m := v.agent.Memory; m != nil {
		line("memory", fmt.Sprintf("per %s, kept %s", m.Scope, m.Retention))
	}
	for _, e := range v.agent.Events {
		line("publishes", strings.Join(e.DetailTypes, ", ")+" on "+e.Bus)
	}
	for _, lane := range v.Lanes {
		out.WriteString(lane.text())
	}
	return out.String()
}

func (v laneView) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "  lane %s\n    runs as    %s\n    image      %s\n    prompts    %s\n    parameters %s\n", v.Lane, v.Role, v.Code, v.Prompts, v.Parameters)
	if v.Share != "" {
		fmt.Fprintf(&out, "    serves     %s of users\n", v.Share)
	}
	if v.Narrowed {
		fmt.Fprintf(&out, "    narrowed   to %s\n", strings.Join(v.Tools, ", "))
	}
	for _, k := range v.Constraints {
		fmt.Fprintf(&out, "    never      %s\n", k)
	}
	if l := v.limits; l != nil {
		fmt.Fprintf(&out, "    at most    %d tool calls, %s, %d tokens, %s per execution\n", l.ToolCalls, l.WallClock, l.Tokens, l.ModelCost)
		if over := l.Overshoot; over != nil {
			fmt.Fprintf(&out, "    beyond     %d tokens, %s: metered, and known within %s\n", over.Tokens, over.Cost, over.Delay)
		}
	}
	return out.String()
}

package main

import (
	"fmt"
	"strings"

	"remit/platform"
)

// agentView is one agent: who may use it, what it may do, and as what it runs where.
type agentView struct {
	Agent       string            `json:"agent"`
	Team        string            `json:"team"`
	IntendedUse string            `json:"intended_use"`
	Limitations string            `json:"limitations,omitempty"`
	Tier        string            `json:"tier,omitempty"`
	Purposes    []string          `json:"purposes"`
	Callers     []string          `json:"callers"`
	Models      platform.Models   `json:"models"`
	Tools       []string          `json:"tools"`
	Memory      *platform.Memory  `json:"memory,omitempty"`
	Events      []platform.Events `json:"events,omitempty"`
	Lanes       []laneView        `json:"lanes"`
}

// laneView is one lane: its identity, its limits, and what constraints leave of its tools.
type laneView struct {
	Lane     string                `json:"lane"`
	Role     string                `json:"execution_role"`
	Code     string                `json:"code"`
	Share    string                `json:"share,omitempty"`
	ReadOnly bool                  `json:"read_only"`
	Tools    []string              `json:"tools"`
	Limits   *platform.AgentLimits `json:"limits,omitempty"`
}

func showAgent(c *command, p *platform.Platform, name string) error {
	a, ok := p.Agent(name)
	if !ok {
		return usage{fmt.Sprintf("%s has no agent %q", p.Name, name)}
	}
	environments, err := c.environmentsOf(p)
	if err != nil {
		return err
	}
	v := agentView{Agent: a.Name, Team: a.Team, IntendedUse: a.IntendedUse, Limitations: a.Limitations, Tier: a.Tier, Purposes: a.Purposes,
		Callers: p.RolesAbove(a.Callers), Models: a.Models, Tools: a.Tools, Memory: a.Memory, Events: a.Events}
	for _, e := range environments {
		for _, lane := range p.Lanes(e) {
			if lane.Agent == name {
				v.Lanes = append(v.Lanes, viewLane(lane))
			}
		}
	}
	return c.print(v, v.text())
}

func viewLane(lane platform.Running) laneView {
	v := laneView{Lane: lane.Term().String(), Role: lane.Role("execution"), Code: string(lane.Version.Code), ReadOnly: lane.ReadOnly, Tools: []string{}}
	if lane.Version.Share > 0 {
		v.Share = lane.Version.Share.String()
	}
	for _, t := range lane.Tools {
		v.Tools = append(v.Tools, t.Name)
	}
	for _, l := range lane.Environment.Limits.Agents {
		if l.Agent == lane.Agent {
			v.Limits = &l
		}
	}
	return v
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
	line("models", strings.Join(v.Models.IDs, ", ")+" via "+v.Models.Via)
	line("tools", strings.Join(v.Tools, ", "))
	if v.Memory != nil {
		line("memory", fmt.Sprintf("per %s, kept %s", v.Memory.Scope, v.Memory.Retention))
	}
	for _, e := range v.Events {
		line("publishes", strings.Join(e.DetailTypes, ", ")+" on "+e.Bus)
	}
	for _, lane := range v.Lanes {
		out.WriteString(lane.text())
	}
	return out.String()
}

func (v laneView) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "  lane %s\n    runs as    %s\n    image      %s\n", v.Lane, v.Role, v.Code)
	if v.Share != "" {
		fmt.Fprintf(&out, "    serves     %s of users\n", v.Share)
	}
	if v.ReadOnly {
		fmt.Fprintf(&out, "    narrowed   reads only: %s\n", strings.Join(v.Tools, ", "))
	}
	if l := v.Limits; l != nil {
		fmt.Fprintf(&out, "    at most    %d tool calls, %s, %d tokens, %s per execution\n", l.ToolCalls, l.WallClock, l.Tokens, l.ModelCost)
	}
	return out.String()
}

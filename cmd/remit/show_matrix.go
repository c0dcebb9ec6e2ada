package main

import (
	"fmt"
	"slices"
	"strings"

	"remit/platform"
	"remit/terms"
)

// matrixRow is one tool of one lane: which user roles may call it, which may not and why,
// and what still depends on the moment. It is agent ∩ user ∩ context, as declared.
type matrixRow struct {
	Lane    string            `json:"lane"`
	Tool    string            `json:"tool"`
	Allowed []string          `json:"allowed"`
	Refused map[string]string `json:"refused"`
	Depends []string          `json:"depends,omitempty"`
}

func showMatrix(c *command, p *platform.Platform, agent string) error {
	environments, err := c.environmentsOf(p)
	if err != nil {
		return err
	}
	if _, ok := p.Agent(agent); agent != "" && !ok {
		return usage{fmt.Sprintf("%s has no agent %q; %s (a declaration's directory is written with a slash, ./%s)", p.Name, agent, among(agent, agentNames(p)), agent)}
	}
	rows := []matrixRow{}
	for _, e := range environments {
		for _, lane := range p.Lanes(e) {
			if agent == "" || lane.Agent == agent {
				rows = append(rows, laneRows(p, lane)...)
			}
		}
	}
	return c.print(rows, matrixText(p, rows))
}

func laneRows(p *platform.Platform, lane platform.Running) []matrixRow {
	var rows []matrixRow
	mayUse := p.RolesAbove(lane.Actor.Callers)
	for _, name := range lane.Actor.Tools {
		t, _ := p.Tool(name)
		row := matrixRow{Lane: lane.Term().String(), Tool: name, Allowed: []string{}, Refused: map[string]string{}, Depends: depends(p, lane, t)}
		mayCall := p.RolesAbove(t.Callers)
		for _, role := range p.UserRoles {
			if reason := refusal(lane, t, role.Name, mayUse, mayCall); reason != "" {
				row.Refused[role.Name] = reason
			} else {
				row.Allowed = append(row.Allowed, role.Name)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// refusal is the first set that does not hold the call: the agent's, the user's, or the
// context's; "" means all three do.
func refusal(lane platform.Running, t platform.Tool, role string, mayUse, mayCall []string) string {
	switch {
	case slices.Contains(lane.Environment.Without, t.Name):
		return "environment"
	case !slices.ContainsFunc(lane.Tools, func(held platform.Tool) bool { return held.Name == t.Name }):
		return "constraint"
	case !slices.Contains(mayUse, role):
		return "agent"
	case !slices.Contains(mayCall, role):
		return "tool"
	}
	return ""
}

// depends lists the constraints on the tool that hold only sometimes.
func depends(p *platform.Platform, lane platform.Running, t platform.Tool) []string {
	var out []string
	for _, k := range p.ConstraintsOn(lane.Environment) {
		w := k.When
		always := w == platform.When{} || w == platform.When{Lane: lane.Lane}
		applies := (w.Lane == "" || w.Lane == lane.Lane) && (w.Access == "" || w.Access == t.Access) && (w.DataClass == "" || w.DataClass == t.DataClass)
		if !always && applies && k.Forbid.Forbids(t) {
			out = append(out, sayWhen(k))
		}
	}
	return out
}

// sayWhen reads a constraint's moment aloud.
func sayWhen(k platform.Constraint) string {
	var words []string
	if k.When.Hours != (terms.Hours{}) {
		words = append(words, k.When.Hours.String())
	}
	for _, w := range []struct{ label, value string }{{"as", k.When.UserRole}, {"for", k.When.Purpose}} {
		if w.value != "" {
			words = append(words, w.label+" "+w.value)
		}
	}
	return strings.Join(words, " ") + " (" + k.ID + ")"
}

func matrixText(p *platform.Platform, rows []matrixRow) string {
	var out strings.Builder
	lane := ""
	for _, row := range rows {
		if row.Lane != lane {
			lane = row.Lane
			fmt.Fprintf(&out, "%-40s", lane)
			for _, r := range p.UserRoles {
				fmt.Fprintf(&out, "  %-*s", cellWidth(r.Name), r.Name)
			}
			out.WriteString("\n")
		}
		fmt.Fprintf(&out, "  %-38s", row.Tool)
		for _, r := range p.UserRoles {
			cell := "yes"
			if reason, refused := row.Refused[r.Name]; refused {
				cell = "- " + reason
			}
			fmt.Fprintf(&out, "  %-*s", cellWidth(r.Name), cell)
		}
		if len(row.Depends) > 0 && len(row.Allowed) > 0 {
			fmt.Fprintf(&out, "  not %s", strings.Join(row.Depends, ", not "))
		}
		out.WriteString("\n")
	}
	out.WriteString("\nyes: the lane has the tool, the user role may use the agent and call the tool, no constraint forbids it.\n" +
		"- agent, tool, constraint, environment: what refuses first. Whose data a call is about is decided per call.\n")
	return trimLines(out.String())
}

// cellWidth fits a user role's name and the longest refusal.
func cellWidth(role string) int { return max(len(role), len("- environment")) }

func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"remit/grants"
	"remit/platform"
)

// toolView is one tool's whole permission profile: what a reviewer signs. Its digest
// changes when anything in it does.
type toolView struct {
	Tool         string            `json:"tool"`
	Team         string            `json:"team"`
	Purpose      string            `json:"purpose"`
	Access       string            `json:"access"`
	DataClass    string            `json:"data_class"`
	Callers      []string          `json:"callers"`
	Agents       []string          `json:"agents"`
	Datum        any               `json:"datum,omitempty"` // under the declaration's keys
	Leaves       []string          `json:"leaves"`
	Safeguards   []string          `json:"safeguards"`
	Recorded     []string          `json:"recorded"`
	Environments []toolEnvironment `json:"environments"`
	Digest       string            `json:"digest"`

	datum *platform.Datum
}

// toolEnvironment is how one environment serves the tool, how often, when never, and
// through which IAM.
type toolEnvironment struct {
	Name     string     `json:"name"`
	ServedBy string     `json:"served_by"`
	HowOften string     `json:"how_often"`
	Never    []string   `json:"never,omitempty"`
	Grants   []toolRole `json:"grants"`
}

// toolRole is the statements of one role that serve the tool.
type toolRole struct {
	Role       string   `json:"role"`
	Statements []string `json:"statements"`
}

func showTool(c *command, p *platform.Platform, name string) error {
	t, ok := p.Tool(name)
	if !ok {
		return usage{fmt.Sprintf("%s has no tool %q; %s", p.Name, name, among(name, toolNames(p)))}
	}
	environments, err := c.environmentsOf(p)
	if err != nil {
		return err
	}
	v := viewTool(p, t)
	v.Environments = slices.DeleteFunc(v.Environments, func(in toolEnvironment) bool {
		return !slices.ContainsFunc(environments, func(e platform.Environment) bool { return e.Name == in.Name })
	})
	return c.print(v, v.text())
}

func toolNames(p *platform.Platform) []string {
	var out []string
	for _, t := range p.Tools {
		out = append(out, t.Name)
	}
	return out
}

// viewTool is the profile in all environments; its digest is of all of it, whichever part is
// then shown.
func viewTool(p *platform.Platform, t platform.Tool) toolView {
	v := toolView{
		Tool: t.Name, Team: t.Team, Purpose: t.Purpose, Access: string(t.Access), DataClass: t.DataClass,
		Callers: p.RolesAbove(t.Callers), Datum: words(t.Datum), datum: t.Datum, Leaves: t.Response.Allow, Safeguards: safeguards(t), Recorded: recorded(t),
	}
	for _, a := range p.Agents {
		if slices.Contains(a.Tools, t.Name) {
			v.Agents = append(v.Agents, a.Name)
		}
	}
	for _, e := range p.Environments {
		v.Environments = append(v.Environments, viewToolIn(p, t, e))
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and lists always encode
	}
	v.Digest = fmt.Sprintf("sha256:%x", sha256.Sum256(text))
	return v
}

func safeguards(t platform.Tool) []string {
	var out []string
	if t.Confirmation != nil {
		out = append(out, fmt.Sprintf("the %s confirms the exact arguments, within %s", t.Confirmation.By, t.Confirmation.Expires))
	}
	if t.Idempotency != nil {
		out = append(out, fmt.Sprintf("one result per %s, for %s", strings.Join(t.Idempotency.Key, " and "), t.Idempotency.For))
	}
	if t.Dedup != nil {
		out = append(out, fmt.Sprintf("an open item per %s is returned, not made again, until %s, at most %s", strings.Join(t.Dedup.Key, " and "), t.Dedup.Until.Event, t.Dedup.AtMost))
	}
	if t.Reach != nil {
		out = append(out, reachSentence(t.Reach))
	}
	return out
}

func reachSentence(r *platform.Reach) string {
	what := strings.Join(r.Operations, ", ")
	if len(r.Attributes) > 0 {
		what = strings.Join(r.Actions, " and ") + " of " + strings.Join(r.Attributes, ", ")
	}
	sentence := fmt.Sprintf("reaches account %s: %s", r.Account, what)
	if r.Direct != nil {
		sentence += fmt.Sprintf("; DIRECT, outside the gateway, until %s: %s", r.Direct.Until, r.Direct.Why)
	}
	return sentence
}

func recorded(t platform.Tool) []string {
	out := []string{"input " + t.Audit.Input, "output " + t.Audit.Output}
	if t.Audit.Reasoning != "" {
		out = append(out, "reasoning "+t.Audit.Reasoning)
	}
	return out
}

func viewToolIn(p *platform.Platform, t platform.Tool, e platform.Environment) toolEnvironment {
	v := toolEnvironment{Name: e.Name, ServedBy: servedBy(t, e), HowOften: howOften(t, e), Grants: []toolRole{}}
	for _, k := range p.ConstraintsOn(e) {
		if k.Forbid.Forbids(t) && (k.When.Access == "" || k.When.Access == t.Access) && (k.When.DataClass == "" || k.When.DataClass == t.DataClass) {
			v.Never = append(v.Never, constraintSentence(k))
		}
	}
	for _, r := range grants.Intended(p, e.Name).Roles {
		var sids []string
		for _, s := range r.Policy.Statements {
			if grants.Serves(s, t.Name) {
				sids = append(sids, s.Sid)
			}
		}
		if sids != nil {
			v.Grants = append(v.Grants, toolRole{Role: r.ARN.Name(), Statements: sids})
		}
	}
	return v
}

func constraintSentence(k platform.Constraint) string {
	where := ""
	if k.When.Lane != "" {
		where = "in lane " + k.When.Lane + " "
	}
	return strings.TrimSpace(where + strings.TrimSpace(sayWhen(k)))
}

func servedBy(t platform.Tool, e platform.Environment) string {
	target, ok := e.Target(t.Name)
	switch {
	case slices.Contains(e.Without, t.Name):
		return "not offered here"
	case !ok:
		return "no lane here uses it"
	case target.Lambda != nil:
		return "Lambda " + target.Lambda.Function + ":" + target.Lambda.Alias
	case target.APIGateway != nil:
		return "API Gateway " + target.APIGateway.API + "/" + target.APIGateway.Stage + " " + target.APIGateway.Operation
	case target.OpenAPI != nil:
		return "HTTP API " + target.OpenAPI.Server + " " + target.OpenAPI.Operation
	case target.MCPServer != nil:
		return "MCP server " + target.MCPServer.URL + " " + target.MCPServer.Tool
	case target.Reach.Table != "":
		return "table " + target.Reach.Table + " in " + t.Reach.Account
	}
	return "API " + target.Reach.API + "/" + target.Reach.Stage + " in " + t.Reach.Account
}

func howOften(t platform.Tool, e platform.Environment) string {
	for _, l := range e.Limits.Tools {
		if l.Tool == t.Name {
			return fmt.Sprintf("%d a day per user (%s)", l.PerUserPerDay, l.Why)
		}
	}
	return "within the execution's limits"
}

func (v toolView) text() string {
	var out strings.Builder
	line := func(label, text string) { fmt.Fprintf(&out, "  %-12s %s\n", label, text) }
	fmt.Fprintf(&out, "tool %s\n", v.Tool)
	line("what", v.Purpose)
	line("owned by", v.Team)
	line("does", v.Access+"s "+v.DataClass)
	line("who", strings.Join(v.Callers, ", ")+", through "+strings.Join(v.Agents, ", "))
	if v.datum != nil {
		line("whose data", datumSentence(*v.datum))
	}
	line("may leave", strings.Join(v.Leaves, "  ")+"   (nothing else)")
	for i, s := range v.Safeguards {
		line(map[bool]string{true: "safeguards"}[i == 0], s)
	}
	line("recorded", strings.Join(v.Recorded, ", "))
	for _, e := range v.Environments {
		fmt.Fprintf(&out, "  in %s\n    served by  %s\n    how often  %s\n", e.Name, e.ServedBy, e.HowOften)
		for i, k := range e.Never {
			fmt.Fprintf(&out, "    %-9s  %s\n", map[bool]string{true: "never"}[i == 0], k)
		}
		if len(e.Grants) == 0 {
			fmt.Fprintf(&out, "    through    no IAM: the gateway calls it over HTTPS\n")
		}
		for i, g := range e.Grants {
			fmt.Fprintf(&out, "    %-9s  %s: %s\n", map[bool]string{true: "through"}[i == 0], g.Role, strings.Join(g.Statements, ", "))
		}
	}
	line("digest", v.Digest)
	return out.String()
}

func datumSentence(d platform.Datum) string {
	sentence := fmt.Sprintf("the tenant that owns %s in directory %s", d.ID, d.Directory)
	if d.Relation != "" {
		sentence += ", for a user who is " + d.Relation + " to it"
	}
	return sentence
}

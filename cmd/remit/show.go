package main

import (
	"fmt"
	"slices"
	"strings"

	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/verify"
)

func show(c *command, arguments []string) error {
	kinds := map[string]func(*command, *platform.Platform, string) error{"tool": showTool, "agent": showAgent, "role": showRole, "matrix": showMatrix}
	if len(arguments) < 1 || kinds[arguments[0]] == nil {
		return usage{"show what? tool, agent, role or matrix"}
	}
	kind, rest := arguments[0], arguments[1:]
	name := ""
	if kind != "matrix" || len(rest) > 0 && !strings.Contains(rest[0], "/") {
		if len(rest) == 0 {
			return usage{"which " + kind + "?"}
		}
		name, rest = rest[0], rest[1:]
	}
	p, err := declaringIn(rest, kind, name)
	if err != nil {
		return err
	}
	return kinds[kind](c, p, name)
}

// declaringIn is the named declaration; without one, the only one that declares the name.
func declaringIn(rest []string, kind, name string) (*platform.Platform, error) {
	dirs, err := declarations()
	if len(rest) > 0 || err != nil {
		return declaration(rest)
	}
	var found []string
	for _, dir := range dirs {
		p, err := declaration([]string{dir})
		if err != nil {
			return nil, err // a declaration with problems may be the one that was meant
		}
		if declares(p, kind, name) {
			found = append(found, dir)
		}
	}
	switch len(found) {
	case 1:
		return declaration(found)
	case 0:
		return nil, usage{fmt.Sprintf("no %s %q in %s", kind, name, strings.Join(dirs, ", "))}
	}
	return nil, usage{"which declaration? " + strings.Join(found, ", ")}
}

func declares(p *platform.Platform, kind, name string) bool {
	switch kind {
	case "tool":
		_, ok := p.Tool(name)
		return ok
	case "role":
		_, _, ok := findRole(p, p.Environments, name)
		return ok
	}
	_, ok := p.Agent(name)
	return ok || name == ""
}

func findRole(p *platform.Platform, in []platform.Environment, name string) (iam.Role, platform.Environment, bool) {
	for _, e := range in {
		if r, ok := grants.Intended(p, e.Name).Role(name); ok {
			return r, e, true
		}
	}
	return iam.Role{}, platform.Environment{}, false
}

// roleView is one role for programs: AWS's own JSON beside what people read.
type roleView struct {
	ARN         string         `json:"arn"`
	Environment string         `json:"environment"`
	Boundary    string         `json:"boundary"`
	Trust       map[string]any `json:"trust"`
	Policy      map[string]any `json:"policy"`
	Declared    string         `json:"declared"`
	Text        string         `json:"text"`
}

func showRole(c *command, p *platform.Platform, name string) error {
	environments, err := c.environmentsOf(p)
	if err != nil {
		return err
	}
	r, e, ok := findRole(p, environments, name)
	if !ok {
		return usage{fmt.Sprintf("%s has no role %q; %s", p.Name, name, among(name, roleNames(p)))}
	}
	inEffect := verify.InEffect(grants.Intended(p, e.Name), r.ARN)
	text := r.Text(iam.View{Names: p.AccountNames(e), InEffect: inEffect}) + "  declared  " + r.From.String() + "\n"
	return c.print(roleView{
		ARN: string(r.ARN), Environment: e.Name, Boundary: string(r.Boundary), Trust: r.Trust.Value(), Policy: r.Policy.Value(), Declared: r.From.String(), Text: text,
	}, text)
}

func roleNames(p *platform.Platform) []string {
	var out []string
	for _, e := range p.Environments {
		for _, r := range grants.Intended(p, e.Name).Roles {
			out = append(out, r.ARN.Name())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// among helps someone who mistyped a name: the names that share most of its parts, or all
// when they are few.
func among(name string, known []string) string {
	if len(known) <= 8 {
		return "known: " + strings.Join(known, ", ")
	}
	shared := func(k string) (n int) {
		for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' }) {
			if strings.Contains(k, part) {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(known, func(a, b string) int { return shared(b) - shared(a) })
	return fmt.Sprintf("the closest of %d: %s", len(known), strings.Join(known[:3], ", "))
}

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/verify"
)

// answered is what can says.
type answered struct {
	Question string          `json:"question"`
	Answers  []verify.Access `json:"answers"`
	Effect   *verify.Effect  `json:"effect,omitempty"`
	Reasons  []iam.Reason    `json:"reasons,omitempty"`
	Verdict  string          `json:"verdict,omitempty"`
}

func can(c *command, arguments []string) error {
	w, err := c.asked()
	if err != nil {
		return err
	}
	if len(arguments) == 0 {
		return usage{"what should be asked? who ACTION RESOURCE, what ROLE, or why ROLE ACTION RESOURCE"}
	}
	out := answered{Question: strings.Join(arguments, " "), Answers: []verify.Access{}}
	switch kind, rest := arguments[0], arguments[1:]; {
	case kind == "who" && (len(rest) == 1 || len(rest) == 2):
		out.Answers = verify.Who(w, rest[0], append(rest, "*")[1])
	case kind == "what" && len(rest) == 1:
		role, err := named(w, rest[0])
		if err != nil {
			return err
		}
		effect := verify.Effects(w, role)[0] // named found it
		out.Answers, out.Effect = effect.May, &effect
	case kind == "why" && len(rest) >= 3:
		return c.why(w, out, rest)
	default:
		return usage{"who ACTION RESOURCE, what ROLE, or why ROLE ACTION RESOURCE [KEY=VALUE...]"}
	}
	return c.print(out, out.text())
}

// asked is the world of the question: the templates of --assembly, else what the declaration
// intends.
func (c *command) asked() (iam.World, error) {
	if c.assembly != "" {
		read, err := c.readWorlds([]string{c.assembly}, nil)
		if err == nil && len(read.unreadable) > 0 {
			fmt.Fprintf(c.err, "remit: %s could not be read, so an answer of nobody is not certain\n", count(len(read.unreadable), "part"))
		}
		return read.World, err
	}
	p, err := c.platformFlag()
	if err != nil {
		return iam.World{}, err
	}
	if p == nil {
		if p, err = declaration(nil); err != nil {
			return iam.World{}, err
		}
	}
	return c.intended(p)
}

// intended is what the declaration grants in the environments that the command is about.
func (c *command) intended(p *platform.Platform) (iam.World, error) {
	environments, err := c.environmentsOf(p)
	if err != nil {
		return iam.World{}, err
	}
	var w iam.World
	for _, e := range environments {
		w = w.Plus(grants.Intended(p, e.Name))
	}
	return w, nil
}

// named finds a role by its ARN or its name, and says which are meant when there are several.
func named(w iam.World, name string) (iam.ARN, error) {
	var found []iam.ARN
	for _, r := range w.Roles {
		if string(r.ARN) == name || r.ARN.Name() == name {
			found = append(found, r.ARN)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", usage{fmt.Sprintf("no role is called %q here; remit show role lists them", name)}
	}
	return "", usage{fmt.Sprintf("%d roles are called %q; give the ARN, such as %s", len(found), name, found[0])}
}

// why decides one request and says which statements decided it.
func (c *command) why(w iam.World, out answered, rest []string) error {
	role, err := named(w, rest[0])
	if err != nil {
		return err
	}
	request := iam.Request{Principal: role, Action: rest[1], Resource: rest[2], Context: map[string][]string{}}
	for _, pair := range rest[3:] {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return usage{fmt.Sprintf("%q is no KEY=VALUE; context keys are given as aws:PrincipalTag/tenant=acme", pair)}
		}
		request.Context[key] = append(request.Context[key], value)
	}
	verdict := w.Eval(request)
	out.Verdict, out.Reasons = verdict.String(), w.Explain(request)
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s\n", verdict, said(request))
	for _, r := range out.Reasons {
		fmt.Fprintf(&text, "  %-7s %s\n", r.Verdict, r.Sentence)
	}
	if err := c.print(out, text.String()); err != nil {
		return err
	}
	if verdict != iam.Allowed {
		return errFindings
	}
	return nil
}

func (out answered) text() string {
	if len(out.Answers) == 0 && out.Effect == nil {
		return "nobody, proved for all requests of this world\n"
	}
	var text strings.Builder
	for _, a := range out.Answers {
		line := fmt.Sprintf("%s  %s", a.Role, strings.Join(a.Actions, ", "))
		if a.Unproven != "" {
			line += "  (not decided: " + a.Unproven + ")"
		}
		fmt.Fprintln(&text, strings.TrimSpace(line))
		if a.Witness.Action != "" {
			fmt.Fprintf(&text, "    for example %s\n", said(a.Witness))
		}
	}
	if out.Effect != nil {
		text.WriteString(iam.View{InEffect: map[iam.ARN][]iam.Note{out.Effect.Role: out.Effect.Notes()}}.Effect(out.Effect.Role))
	}
	return text.String()
}

// said is a request in a line.
func said(r iam.Request) string {
	text := r.Action + " on " + r.Resource
	if r.Principal != "" {
		text = r.Principal.Name() + ": " + text
	}
	for i, key := range slices.Sorted(maps.Keys(r.Context)) {
		text += []string{" with ", ", "}[min(i, 1)] + key + " = " + strings.Join(r.Context[key], " ")
	}
	return text
}

package main

import (
	"fmt"
	"strings"

	"remit/bootstrap"
	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/verify"
)

// rail is a guardrail as it is printed for programs.
type rail struct {
	Environment string         `json:"environment"`
	Name        string         `json:"name"`
	Says        string         `json:"says"`
	Accounts    []string       `json:"accounts"`
	Characters  int            `json:"characters"`
	Document    map[string]any `json:"document"`
}

// guardrails prints what stands above the accounts: as text to read, as policies (--json), or
// as the template that the organization's account deploys. It prints none that would stop what
// the declaration needs.
func guardrails(c *command, arguments []string) error {
	template := len(arguments) > 0 && arguments[0] == "template"
	if template {
		arguments = arguments[1:]
	}
	p, err := declaration(arguments)
	if err != nil {
		return err
	}
	environments, err := c.environmentsOf(p)
	if err != nil {
		return err
	}
	var text strings.Builder
	rails := []rail{}
	for _, e := range environments {
		of := grants.Guardrails(p, e)
		if err := c.letThrough(p, e, of); err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s, over %s\n", e.Name, strings.Join(of[0].Accounts, ", "))
		for _, g := range of {
			rails = append(rails, rail{e.Name, g.Name, g.Says, g.Accounts, g.Document.Size(), g.Document.Value()})
			text.WriteString(railText(g))
		}
	}
	if template {
		_, err := c.out.Write(bootstrap.Guardrails(p))
		return err
	}
	text.WriteString("They bind neither the organization's management account nor service-linked roles, nor who acts from an account they are not over.\n")
	return c.print(rails, text.String())
}

// letThrough says which role of the declaration a guardrail would stop from its work.
func (c *command) letThrough(p *platform.Platform, e platform.Environment, of []grants.Guardrail) error {
	var controls []iam.Control
	for _, g := range of {
		controls = append(controls, g.Control())
	}
	stopped := verify.Stopped(grants.Intended(p, e.Name), controls...)
	for _, f := range stopped {
		fmt.Fprintf(c.err, "remit: %s: %s, for example %s\n", f.Role.Name(), f.Sentence, said(f.Witness))
	}
	if len(stopped) > 0 {
		return errFindings
	}
	return nil
}

func railText(g grants.Guardrail) string {
	var text strings.Builder
	fmt.Fprintf(&text, "\n  %s: %s      %d of %d characters\n", g.Name, g.Says, g.Document.Size(), grants.MaxGuardrail)
	for _, s := range g.Document.Statements {
		fmt.Fprintf(&text, "    %s: %s\n", s.Sid, s.Why)
		for _, w := range s.When {
			if w.Op == "ArnNotLike" {
				fmt.Fprintf(&text, "      but for %s\n", strings.Join(w.Values, ", "))
			}
		}
	}
	return text.String()
}

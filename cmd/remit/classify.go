package main

import (
	"fmt"
	"slices"
	"strings"

	"remit/change"
	"remit/grants"
	"remit/platform"
	"remit/verify"
)

// classify says which class of change a candidate is for each environment, by the rows of
// package change and by what the prover says of access.
func classify(c *command, arguments []string) error {
	if len(arguments) != 2 {
		return usage{"classify compares two declarations: DEPLOYED and CANDIDATE"}
	}
	deployed, err := declaration(arguments[:1])
	if err != nil {
		return err
	}
	candidate, err := declaration(arguments[1:])
	if err != nil {
		return err
	}
	names, err := c.ofEither(deployed, candidate)
	if err != nil {
		return err
	}
	verdicts, worst, text := []change.Verdict{}, change.Automatic, strings.Builder{}
	for _, name := range names {
		v := change.Classify(deployed, candidate, name, accessOf(deployed, candidate, name))
		verdicts, worst = append(verdicts, v), max(worst, v.Class)
		text.WriteString(v.Text())
	}
	out := text.String()
	if c.markdown {
		out = classTable(verdicts)
	}
	if err := c.print(verdicts, out); err != nil {
		return err
	}
	if worst > change.Automatic {
		return errFindings
	}
	return nil
}

// ofEither is the environments that either declaration has, or the one that is asked for.
func (c *command) ofEither(deployed, candidate *platform.Platform) ([]string, error) {
	names := environmentNames(candidate)
	for _, name := range environmentNames(deployed) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if c.env == "" {
		return names, nil
	}
	if !slices.Contains(names, c.env) {
		return nil, usage{fmt.Sprintf("neither declaration has an environment %q; they have %s", c.env, strings.Join(names, ", "))}
	}
	return []string{c.env}, nil
}

func accessOf(deployed, candidate *platform.Platform, environment string) []verify.Change {
	return verify.Compare(grants.Intended(deployed, environment), grants.Intended(candidate, environment))
}

// classTable is the verdicts as code hosts show them.
func classTable(verdicts []change.Verdict) string {
	var text strings.Builder
	cell := strings.NewReplacer("|", "\\|", "\n", " ")
	for _, v := range verdicts {
		fmt.Fprintf(&text, "### %s: %s\n\n", v.Environment, v.Summary())
		if len(v.Changes) == 0 {
			continue
		}
		text.WriteString("| class | by | what | why | was | is |\n|---|---|---|---|---|---|\n")
		for _, c := range v.Changes {
			fmt.Fprintf(&text, "| **%s** | %s | `%s` | %s | %s | %s |\n", c.Class, c.By, c.Path, cell.Replace(c.Reason), cell.Replace(c.Was), cell.Replace(c.Is))
		}
		text.WriteString("\n")
	}
	return text.String()
}

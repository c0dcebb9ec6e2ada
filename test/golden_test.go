package test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"remit/assembly"
	"remit/iam"
	"remit/platform"
	"remit/verify"
)

var update = flag.Bool("update", false, "rewrite the golden files instead of comparing with them")

// madeBy is the first line of every golden file: what made it, and how to make it again.
const madeBy = "made by: make golden"

// TestGoldenIAMIsWhatWasReviewed compares what is synthesized, not what is intended, with
// the texts reviewers have read. A difference here is a change of access: read it, then
// run make golden and commit it with the reason.
func TestGoldenIAMIsWhatWasReviewed(t *testing.T) {
	written := map[string]bool{}
	for _, company := range companies(t) {
		p, stacks := declared(t, company), stacksOf(t, company)
		var whole iam.World
		for _, e := range places(p) {
			names := namesIn(p, e)
			world := synthesizedWorld(t, p, e, stacks)
			whole = whole.Plus(world)
			inEffect := verify.InEffect(world)
			if e.Name == shared {
				inEffect = verify.InEffect(whole, rolesIn(world)...) // whoever deploys comes to every environment
			}
			for _, site := range sitesOf(p, e) {
				title := fmt.Sprintf("# %s / %s / %s  %s  %s       %s", p.Name, e.Name, site.Purpose, site.Account, site.Region, madeBy)
				golden(t, written, filepath.Join(company, e.Name, site.Purpose+".iam"), world.In(string(site.Account)).Text(iam.View{Title: title, Names: names, InEffect: inEffect}))
			}
			golden(t, written, filepath.Join(company, e.Name, "resources.txt"), resources(p, e, append(bootstrapStacks(t, p, e), stacks...)))
			golden(t, written, filepath.Join(company, e.Name, "trusts.txt"), trusts(p, e, world, names))
			if e.Name == shared {
				written[filepath.Join("golden", company, shared, "guardrails.txt")] = true // TestGoldenGuardrails… compares it
				continue
			}
			written[filepath.Join("golden", company, e.Name, "agents.txt")] = true // TestGoldenAgents… compares it
		}
	}
	noStrayGoldens(t, written)
}

// TestGoldenAgentsAreWhatWasReviewed: what runs in each lane, for which part of the users, within
// which limits and constraints, as remit show agent prints it.
func TestGoldenAgentsAreWhatWasReviewed(t *testing.T) {
	remit := command(t)
	for _, company := range companies(t) {
		p := declared(t, company)
		for _, e := range p.Environments {
			text := fmt.Sprintf("# %s / %s: remit show agent, of each       %s\n", p.Name, e.Name, madeBy)
			for _, a := range p.Agents {
				run := exec.Command(remit, "show", "agent", a.Name, "../environments/"+company, "--env", e.Name)
				out, err := run.Output()
				if err != nil {
					t.Fatalf("%v: %v", run, err)
				}
				text += "\n" + string(out)
			}
			golden(t, map[string]bool{}, filepath.Join(company, e.Name, "agents.txt"), text)
		}
	}
}

// TestGoldenGuardrailsAreWhatWasReviewed: what nobody may do, as remit guardrails prints it and
// the organization's account deploys it.
func TestGoldenGuardrailsAreWhatWasReviewed(t *testing.T) {
	remit := command(t)
	for _, company := range companies(t) {
		p := declared(t, company)
		run := exec.Command(remit, "guardrails", "../environments/"+company)
		out, err := run.Output()
		if err != nil {
			t.Fatalf("%v: %v", run, err)
		}
		golden(t, map[string]bool{}, filepath.Join(company, shared, "guardrails.txt"), fmt.Sprintf("# %s: remit guardrails       %s\n\n%s", p.Name, madeBy, out))
	}
}

// namesIn is what account numbers are called. Where the company's own accounts are read, those
// of each environment are named by it.
func namesIn(p *platform.Platform, e platform.Environment) map[string]string {
	names := p.AccountNames(e)
	if e.Name != shared {
		return names
	}
	for _, other := range p.Environments {
		for _, a := range other.Accounts {
			names[string(a.ID)] = other.Name + "-" + a.Purpose
		}
	}
	return names
}

func rolesIn(w iam.World) []iam.ARN {
	var out []iam.ARN
	for _, r := range w.Roles {
		out = append(out, r.ARN)
	}
	return out
}

// resources is one line per resource, so that a replaced table is one red line.
func resources(p *platform.Platform, e platform.Environment, stacks []assembly.Stack) string {
	var lines []string
	for _, s := range stacks {
		for _, a := range e.Accounts {
			if s.Account != string(a.ID) {
				continue
			}
			for id, r := range s.Template.Resources {
				lines = append(lines, strings.TrimRight(fmt.Sprintf("%-10s  %-44s  %-40s  %-26s  %s", a.Purpose, s.Name, r.Type, undigested.ReplaceAllString(id, "Version"), removal(r)), " "))
			}
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("# %s / %s: account, stack, type, logical id, what happens when it is removed       %s\n%s\n", p.Name, e.Name, madeBy, strings.Join(lines, "\n"))
}

// undigested leaves out of a function version's id what it digests: the code that was built.
var undigested = regexp.MustCompile(`Version[0-9a-f]{16}$`)

func removal(r assembly.Resource) string {
	if r.DeletionPolicy == "Retain" {
		return "retain"
	}
	return ""
}

// trusts is every way into every role, one line each: who, through which statement, in
// what role of what account.
func trusts(p *platform.Platform, e platform.Environment, w iam.World, names map[string]string) string {
	var lines []string
	for _, r := range w.Roles {
		for _, s := range r.Trust.Statements {
			for _, who := range entrants(s) {
				lines = append(lines, fmt.Sprintf("%-10s %-58s ← %-66s %s", names[r.ARN.Account()], r.ARN.Name(), rename(who, names), s.Sid))
			}
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("# %s / %s: account, role ← who may assume it, by which statement       %s\n%s\n", p.Name, e.Name, madeBy, strings.Join(slices.Compact(lines), "\n"))
}

// entrants are the roles a statement is pinned to, or else the principals it names.
func entrants(s iam.Statement) []string {
	for _, c := range s.When {
		if c.Key == "aws:PrincipalArn" && c.Op == "ArnEquals" {
			return c.Values
		}
	}
	return append(slices.Clone(s.Principals.Service), s.Principals.AWS...)
}

func rename(text string, names map[string]string) string {
	for _, id := range slices.Sorted(maps.Keys(names)) {
		text = strings.ReplaceAll(text, id, names[id])
	}
	return text
}

func golden(t *testing.T, written map[string]bool, name, got string) {
	t.Helper()
	path := filepath.Join("golden", name)
	written[path] = true
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v\n  if this account or environment is new, run make golden and read what it writes", err)
		return
	}
	if string(want) != got {
		t.Errorf("%s is not what was reviewed:\n%s  read the change; if it is meant, run make golden and commit it with the reason", path, firstDifference(string(want), got))
	}
}

// firstDifference shows where two texts part, with a little of each.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if a, b := lineAt(w, i), lineAt(g, i); a != b {
			return fmt.Sprintf("  line %d\n  - %s\n  + %s\n", i+1, a, b)
		}
	}
	return ""
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// noStrayGoldens: a golden file that no declaration makes any more reviews nothing.
func noStrayGoldens(t *testing.T, written map[string]bool) {
	t.Helper()
	for _, pattern := range []string{"golden/*/*/*.iam", "golden/*/*/*.txt"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if written[f] {
				continue
			}
			if !*update {
				t.Errorf("%s belongs to nothing that is declared; run make golden", f)
			} else if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	}
}

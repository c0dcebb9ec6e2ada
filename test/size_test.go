package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"remit/assembly"
	"remit/platform"
	"remit/platform/load"
)

// What CloudFormation takes (its quotas): resources and bytes of one template.
const (
	maxResources = 500
	maxBytes     = 1_000_000
)

// crowded is how many agents the largest company has that is promised to fit.
const crowded = 50

// template is what one is measured by.
type template struct {
	name             string
	resources, bytes int
}

func TestACompanyWithFiftyAgentsFitsIntoEveryTemplate(t *testing.T) {
	declaration := filepath.Join(t.TempDir(), "crowded")
	p := crowd(t, "meridian", crowded, declaration)
	app, err := built()
	if err != nil {
		t.Fatal(err)
	}
	into := filepath.Join(t.TempDir(), "assembly")
	if err := synth(app, declaration, into, false); err != nil {
		t.Fatal(err)
	}
	templates := measured(t, into)
	for _, m := range templates {
		if m.resources >= maxResources || m.bytes >= maxBytes {
			t.Errorf("%s has %d resources and %d bytes; CloudFormation takes %d and %d", m.name, m.resources, m.bytes, maxResources, maxBytes)
		}
	}
	if least := len(p.Environments) * crowded; len(templates) < least {
		t.Errorf("only %d templates were measured, and each agent alone has one in each environment (%d)", len(templates), least)
	}
	t.Logf("%d agents in %d environments, %d templates; of each kind the largest:", crowded, len(p.Environments), len(templates))
	for _, line := range largest(templates, p) {
		t.Log(line)
	}
}

// crowd writes a company's declaration to a directory, with its agents repeated until there are
// as many as that: each copy has the tools, lanes and limits of the one that it is a copy of.
func crowd(t *testing.T, company string, agents int, into string) *platform.Platform {
	t.Helper()
	p := declared(t, company)
	if err := os.MkdirAll(into, 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("../environments", company, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range p.Agents {
			text = repeated(text, a.Name, (agents-i+len(p.Agents)-1)/len(p.Agents))
		}
		if err := os.WriteFile(filepath.Join(into, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	grown, err := load.Dir(into, today)
	if err != nil {
		t.Fatal(err)
	}
	if len(grown.Agents) != agents {
		t.Fatalf("it has %d agents, not %d", len(grown.Agents), agents)
	}
	return grown
}

// repeated has n of what a declaration says of one agent: what it is, its lanes and its limits,
// each a key with everything that is indented below it.
func repeated(text []byte, agent string, n int) []byte {
	of := regexp.MustCompile(`(?m)^ +` + regexp.QuoteMeta(agent) + `:.*\n(?:    .*\n)*`)
	return of.ReplaceAllFunc(text, func(found []byte) []byte {
		block, rest := ownLines(string(found))
		var out strings.Builder
		out.WriteString(block)
		for i := 2; i <= n; i++ {
			out.WriteString(strings.Replace(block, agent, fmt.Sprintf("%s-%d", agent, i), 1))
		}
		return []byte(out.String() + rest)
	})
}

// ownLines is a key's line with those that are indented deeper, and what follows them.
func ownLines(text string) (own, rest string) {
	lines := strings.SplitAfter(text, "\n")
	indent := func(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
	end := 1
	for end < len(lines) && (strings.TrimSpace(lines[end]) != "" && indent(lines[end]) > indent(lines[0])) {
		end++
	}
	return strings.Join(lines[:end], ""), strings.Join(lines[end:], "")
}

// measured is every template of an assembly.
func measured(t *testing.T, dir string) []template {
	t.Helper()
	stacks, err := assembly.Stacks(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	var out []template
	for _, s := range stacks {
		text, err := os.ReadFile(filepath.Join(dir, s.Path))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, template{s.Name, len(s.Template.Resources), len(text)})
	}
	return out
}

// largest tells of the largest template of each kind: of those whose names differ only in an
// agent's, a lane's or an environment's.
func largest(of []template, p *platform.Platform) []string {
	var names []string
	for _, e := range p.Environments {
		names = append(names, "-"+e.Name, "-*")
	}
	for _, a := range slices.Backward(p.Agents) {
		names = append(names, "-"+a.Name, "-*")
	}
	for _, lane := range p.LaneNames {
		names = append(names, "-"+lane, "-*")
	}
	kind := strings.NewReplacer(names...)
	found := map[string]template{}
	for _, m := range of {
		if k := kind.Replace(m.name); m.bytes > found[k].bytes {
			found[k] = m
		}
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(found)) {
		out = append(out, fmt.Sprintf("  %-45s %3d resources  %6d bytes", found[k].name, found[k].resources, found[k].bytes))
	}
	return out
}

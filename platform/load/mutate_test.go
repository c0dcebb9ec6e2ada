package load

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"remit/platform"
)

// mutations is how many declarations are spoilt. The seeds are fixed, so a failure repeats.
const mutations = 1000

// spoiler changes a file; must says that what comes out may not load.
type spoiler func(r *rand.Rand, file string, text []byte) (out []byte, must bool)

var spoilers = map[string]spoiler{
	"drop a key":            dropKey,
	"drop a list item":      dropItem,
	"duplicate a key":       duplicateKey,
	"swap two values":       swapValues,
	"replace a scalar":      replaceScalar,
	"insert an unknown key": insertKey,
	"rename a key":          renameKey,
	"change indentation":    changeIndentation,
	"truncate the file":     truncate,
}

func TestASpoiltCompanyNeverCrashesTheLoaderAndNeverLoadsWithoutWhatIsNeeded(t *testing.T) {
	var companies []fstest.MapFS
	for _, dir := range worked {
		companies = append(companies, company(t, dir))
	}
	for seed, operator := range slices.Sorted(maps.Keys(spoilers)) {
		t.Run(operator, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(23, uint64(seed)))
			ran, needed, loaded := 0, 0, 0
			for range mutations/len(spoilers) + 1 {
				files := maps.Clone(one(r, companies))
				name := one(r, slices.Sorted(maps.Keys(files)))
				before := files[name].Data
				after, must := spoilers[operator](r, name, before)
				if bytes.Equal(after, before) {
					continue
				}
				files[name] = &fstest.MapFile{Data: after}
				ran++
				if must {
					needed++
				}
				if spoilt(t, files, name, must) {
					loaded++
				}
				if t.Failed() {
					t.Fatalf("in %s:\n%s", name, changed(before, after))
				}
			}
			if ran == 0 || (needed == 0 && slices.Contains(harmful, operator)) {
				t.Errorf("nothing was spoilt, or nothing that is needed; this test proves less than it says")
			}
			t.Logf("ran %d, had to be refused %d, refused %d, loaded %d", ran, needed, ran-loaded, loaded)
		})
	}
}

// harmful are the operators that know of some of their results that they may not load.
var harmful = []string{"drop a key", "drop a list item", "duplicate a key", "insert an unknown key", "rename a key"}

// spoilt loads a company with one spoilt file, and reports whether it loads.
func spoilt(t *testing.T, files fstest.MapFS, name string, must bool) bool {
	t.Helper()
	p, err := FS(files, "company", today)
	if (p == nil) == (err == nil) {
		t.Errorf("got both or neither of a platform and an error (%v)", err)
	}
	if err != nil {
		return false
	}
	if must {
		t.Error("it loads, though something it needs is gone, or something is said twice")
	}
	for _, loose := range unresolved(p) {
		t.Errorf("it loads with a reference to nothing: %s", loose)
	}
	if fault := againstSchema(t, name != platformFile, files[name].Data); fault != nil {
		t.Errorf("it loads, and an editor would call it wrong: %v", fault)
	}
	return true
}

// changed is the lines that only one of two texts has.
func changed(before, after []byte) string {
	var out strings.Builder
	a, b := strings.Split(string(before), "\n"), strings.Split(string(after), "\n")
	for _, line := range a {
		if !slices.Contains(b, line) {
			fmt.Fprintln(&out, "-", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			fmt.Fprintln(&out, "+", line)
		}
	}
	return out.String()
}

// part is a node of a document with the schema an editor would hold it against; a part of
// a free value, such as a mock reply, has none.
type part struct {
	node   *yaml.Node
	schema map[string]any
}

func (p part) mapping() bool { return p.node.Kind == yaml.MappingNode && len(p.node.Content) > 0 }
func (p part) list() bool    { return p.node.Kind == yaml.SequenceNode && len(p.node.Content) > 0 }
func (p part) scalar() bool  { return p.node.Kind == yaml.ScalarNode }
func (p part) keys() int     { return len(p.node.Content) / 2 }
func (p part) needs(key string) bool {
	required, _ := p.schema["required"].([]any)
	return slices.Contains(required, any(key))
}

func (p part) below(key string) map[string]any {
	properties, _ := p.schema["properties"].(map[string]any)
	if named, ok := properties[key].(map[string]any); ok {
		return named
	}
	others, _ := p.schema["additionalProperties"].(map[string]any)
	return others
}

// open is a document for changing: its root, and its parts that are of a kind.
func open(file string, text []byte, is func(part) bool) (*yaml.Node, []part) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		panic(err) // the worked companies are YAML
	}
	var found []part
	var walk func(part)
	walk = func(p part) {
		if is(p) {
			found = append(found, p)
		}
		switch p.node.Kind {
		case yaml.MappingNode:
			for i := range p.keys() {
				walk(part{p.node.Content[2*i+1], p.below(p.node.Content[2*i].Value)})
			}
		case yaml.SequenceNode:
			items, _ := p.schema["items"].(map[string]any)
			for _, item := range p.node.Content {
				walk(part{item, items})
			}
		}
	}
	walk(part{root.Content[0], editorSchemas()[file != platformFile]})
	return &root, found
}

func written(root *yaml.Node) []byte {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		panic(err) // nodes always encode
	}
	return out.Bytes()
}

func one[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func dropKey(r *rand.Rand, file string, text []byte) ([]byte, bool) {
	root, found := open(file, text, part.mapping)
	p := one(r, found)
	i := r.IntN(p.keys())
	must := p.needs(p.node.Content[2*i].Value)
	p.node.Content = slices.Delete(p.node.Content, 2*i, 2*i+2)
	return written(root), must
}

func dropItem(r *rand.Rand, file string, text []byte) ([]byte, bool) {
	root, found := open(file, text, part.list)
	p := one(r, found)
	i := r.IntN(len(p.node.Content))
	p.node.Content = slices.Delete(p.node.Content, i, i+1)
	_, least := p.schema["minItems"]
	return written(root), least && len(p.node.Content) == 0
}

func duplicateKey(r *rand.Rand, file string, text []byte) ([]byte, bool) {
	root, found := open(file, text, part.mapping)
	p := one(r, found)
	i := r.IntN(p.keys())
	p.node.Content = append(p.node.Content, p.node.Content[2*i], p.node.Content[2*i+1])
	return written(root), true
}

func swapValues(r *rand.Rand, file string, text []byte) ([]byte, bool) {
	root, found := open(file, text, func(p part) bool { return p.mapping() && p.keys() > 1 })
	p := one(r, found)
	order := r.Perm(p.keys())
	a, b := 2*order[0]+1, 2*order[1]+1
	p.node.Content[a], p.node.Content[b] = p.node.Content[b], p.node.Content[a]
	return written(root), false
}

func replaceScalar(r *rand.Rand, file string, text []byte) ([]byte, bool) {
	root, found := open(file, text, part.scalar)
	p := one(r, found)
	other := one(r, found).node
	*p.node = one(r, []yaml.Node{
		{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"},
		{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"},
		{Kind: yaml.ScalarNode, Tag: "!!int", Value: "42"},
		{Kind: yaml.ScalarNode, Tag: "!!float", Value: "-1.5e300"},
		{Kind: yaml.ScalarNode, Tag: "!!str", Value: ""},
		{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.Repeat("huge ", 50_000)},
		{Kind: yaml.SequenceNode, Tag: "!!seq"},
		{Kind: yaml.MappingNode, Tag: "!!map"},
		*other, *other, *other,
	})
	return written(root), false
}

func insertKey(r *rand.Rand, file string, text []byte) ([]byte, bool) {
	root, found := open(file, text, part.mapping)
	p := one(r, found)
	p.node.Content = append(p.node.Content,
		&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: one(r, []string{"invented", "callers", "*", "=", "-", "<<<"})},
		&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "value"})
	return written(root), p.schema["additionalProperties"] == false
}

func renameKey(r *rand.Rand, file string, text []byte) ([]byte, bool) {
	root, found := open(file, text, part.mapping)
	p := one(r, found)
	key := p.node.Content[2*r.IntN(p.keys())]
	must := p.needs(key.Value)
	key.Value += one(r, []string{"s", "_", "-2", " ", "ß"})
	return written(root), must
}

func changeIndentation(r *rand.Rand, _ string, text []byte) ([]byte, bool) {
	lines := strings.Split(string(text), "\n")
	i := r.IntN(len(lines))
	lines[i] = one(r, []string{" ", "  ", "\t", "- "}) + lines[i]
	return []byte(strings.Join(lines, "\n")), false
}

func truncate(r *rand.Rand, _ string, text []byte) ([]byte, bool) {
	return text[:r.IntN(len(text))], false
}

// unresolved lists what a loaded platform refers to and does not have, found without the
// loader's own rules.
func unresolved(p *platform.Platform) []string {
	var out []string
	need := func(where, kind, name string, has bool) {
		if name != "" && !has {
			out = append(out, where+" refers to "+kind+" "+name)
		}
	}
	team := func(n string) bool {
		return slices.ContainsFunc(p.Teams, func(t platform.Team) bool { return t.Name == n })
	}
	role := func(n string) bool { return len(p.RolesAbove([]string{n})) > 0 }
	class := func(n string) bool {
		return slices.ContainsFunc(p.DataClasses, func(d platform.DataClass) bool { return d.Name == n })
	}
	tool := func(n string) bool { _, ok := p.Tool(n); return ok }
	constraint := func(where string, c platform.Constraint) {
		need(where, "user role", c.When.UserRole, role(c.When.UserRole))
		need(where, "purpose", c.When.Purpose, slices.Contains(p.Purposes, c.When.Purpose))
		need(where, "data class", c.When.DataClass, class(c.When.DataClass))
		need(where, "data class", c.Forbid.DataClass, class(c.Forbid.DataClass))
		for _, n := range c.Forbid.Tools {
			need(where, "tool", n, tool(n))
		}
	}
	for _, r := range p.UserRoles {
		for _, n := range r.Includes {
			need(r.Name, "user role", n, role(n))
		}
	}
	for _, t := range p.Tools {
		need(t.Name, "team", t.Team, team(t.Team))
		need(t.Name, "data class", t.DataClass, class(t.DataClass))
		for _, n := range t.Callers {
			need(t.Name, "user role", n, role(n))
		}
	}
	for _, a := range p.Agents {
		need(a.Name, "team", a.Team, team(a.Team))
		for _, n := range a.Tools {
			need(a.Name, "tool", n, tool(n))
		}
		for _, n := range a.Callers {
			need(a.Name, "user role", n, role(n))
		}
		for _, n := range a.Purposes {
			need(a.Name, "purpose", n, slices.Contains(p.Purposes, n))
		}
	}
	for _, c := range p.Constraints {
		constraint("constraint "+c.ID, c)
	}
	for _, w := range p.Waivers {
		need("waiver "+w.Rule, "team", w.Owner, team(w.Owner))
	}
	for _, e := range p.Environments {
		need(e.Name, "account", platform.PlatformAccount, p.Site(e, platform.PlatformAccount).Account != "")
		for _, n := range []string{e.Deploy.From, e.Rehearses} {
			_, ok := p.Environment(n)
			need(e.Name, "environment", n, ok)
		}
		for _, n := range e.Identity.Claims.UserRoles.Map {
			need(e.Name, "user role", n, role(n))
		}
		for _, n := range e.Without {
			need(e.Name, "tool", n, tool(n))
		}
		for _, c := range e.Constraints {
			constraint(e.Name+" constraint "+c.ID, c)
		}
		for _, k := range e.Credentials {
			need(e.Name+" "+k.Name, "team", k.Owner, team(k.Owner))
		}
		for _, t := range e.Targets {
			need(e.Name, "tool", t.Tool, tool(t.Tool))
			_, ok := e.Credential(t.Credential)
			need(e.Name+" "+t.Tool, "credential", t.Credential, ok)
		}
		for _, lane := range p.Lanes(e) {
			where := filepath.Join(e.Name, lane.LaneSite.Agent, lane.Lane)
			_, ok := p.Agent(lane.LaneSite.Agent)
			need(where, "agent", lane.LaneSite.Agent, ok)
			for _, t := range lane.Tools {
				target, ok := e.Target(t.Name)
				need(where, "target", t.Name, ok)
				if t.Reach != nil {
					need(where, "account", t.Reach.Account, p.Site(e, t.Reach.Account).Account != "")
					need(where, "reach target", t.Name, target.Reach != nil)
				}
				if t.Dedup != nil {
					need(where, "bus", t.Dedup.Until.Bus, e.Bus(t.Dedup.Until.Bus) != "")
				}
			}
			for _, events := range lane.Actor.Events {
				need(where, "bus", events.Bus, e.Bus(events.Bus) != "")
			}
			for _, n := range lane.Actor.Models.IDs {
				need(where, "price of", n, slices.ContainsFunc(e.Prices.Models, func(m platform.ModelPrice) bool { return m.Model == n }))
			}
			need(where, "limits of", lane.LaneSite.Agent, slices.ContainsFunc(e.Limits.Agents, func(l platform.AgentLimits) bool { return l.Agent == lane.LaneSite.Agent }))
		}
	}
	return out
}

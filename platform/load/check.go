package load

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"remit/platform"
	"remit/terms"
)

// check runs the rules that need more than one key. A rule skips what did not decode: that
// has been reported, and reporting its consequences would only hide it.
func (l *loader) check(p *platform.Platform) {
	c := &checker{loader: l, p: p, undecoded: slices.Clone(l.problems)}
	c.sectionLost = slices.ContainsFunc(c.undecoded, func(p Problem) bool {
		return p.At.File == c.file("") && !strings.ContainsAny(p.Path, ".[")
	})
	c.userRoles()
	c.tools()
	c.agents()
	c.constraints(p.Constraints, "constraints", map[string]string{})
	c.waivers()
	for _, e := range p.Environments {
		c.environment(e)
	}
	c.shared()
	c.pipeline()
	c.names()
}

type checker struct {
	*loader
	p           *platform.Platform
	undecoded   Problems // what reading the files reported
	sectionLost bool     // a whole section of the platform file is missing or unreadable
}

// refused reports whether reading found a problem at a path, below it, or with all that
// holds it. A missing key is a problem of the mapping it is missing from, and of no sibling.
func (c *checker) refused(at string) bool {
	file := c.file(at)
	at = shownPath(at)
	return slices.ContainsFunc(c.undecoded, func(p Problem) bool {
		return p.At.File == file && (within(p.Path, at) || within(at, p.Path) && p.Code != "missing-key")
	})
}

// file is where a path is declared.
func (c *checker) file(at string) string {
	if e := environmentOf(at); e != "" {
		return path.Join(c.prefix, e+".yaml")
	}
	return path.Join(c.prefix, platformFile)
}

// place is where a path stands, or the file that does not have it.
func (c *checker) place(at string) terms.Pos {
	if pos := c.p.Places.Of(at); pos != (terms.Pos{}) {
		return pos
	}
	return terms.Pos{File: c.file(at)}
}

// within reports whether a path is another one or stands below it.
func within(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || above == "" || rest[0] == '.' || rest[0] == '[')
}

// say reports a problem at a path of the platform file, or of an environment's when the
// path begins with environments.NAME.
func (c *checker) say(code, path, message, hint string) {
	c.sayAlso(code, path, message, hint, "")
}

func (c *checker) sayAlso(code, path, message, hint, also string) {
	problem := Problem{Code: code, At: c.place(path), Path: shownPath(path), Message: message, Hint: hint}
	if also != "" {
		problem.Also = c.place(also)
	}
	c.report(problem)
}

// shownPath leaves out what the file's own name already says.
func shownPath(path string) string {
	if rest, ok := strings.CutPrefix(path, "environments."); ok {
		_, path, _ = strings.Cut(rest, ".")
	}
	return path
}

// known refuses a reference to something that is not declared. Where nothing of a kind is,
// because its section could not be read, every reference would only repeat that.
func (c *checker) known(code, kind, path, word string, declared []string) bool {
	if word == "" || slices.Contains(declared, word) || len(declared) == 0 && c.sectionLost {
		return true
	}
	c.say(code, path, fmt.Sprintf("unknown %s %q", kind, cut(word)), oneOf(word, declared))
	return false
}

func (c *checker) allKnown(code, kind, path string, words, declared []string) {
	for i, word := range words {
		c.known(code, kind, fmt.Sprintf("%s[%d]", path, i), word, declared)
	}
}

func names[T any](list []T, name func(T) string) []string {
	var out []string
	for _, item := range list {
		out = append(out, name(item))
	}
	return out
}

func (c *checker) roleNames() []string {
	return names(c.p.UserRoles, func(r platform.UserRole) string { return r.Name })
}

func (c *checker) toolNames() []string {
	return names(c.p.Tools, func(t platform.Tool) string { return t.Name })
}

func (c *checker) agentNames() []string {
	return names(c.p.Agents, func(a platform.Agent) string { return a.Name })
}

func (c *checker) teamNames() []string {
	return names(c.p.Teams, func(t platform.Team) string { return t.Name })
}

func (c *checker) classNames() []string {
	return names(c.p.DataClasses, func(d platform.DataClass) string { return d.Name })
}

func (c *checker) environmentNames() []string {
	return names(c.p.Environments, func(e platform.Environment) string { return e.Name })
}

func (c *checker) userRoles() {
	for _, r := range c.p.UserRoles {
		c.allKnown("unknown-user-role", "user role", "user_roles."+r.Name+".includes", r.Includes, c.roleNames())
		if cycle := c.cycle([]string{r.Name}, map[string]bool{}); cycle != nil && r.Name == slices.Min(cycle) {
			c.say("inclusion-cycle", "user_roles."+r.Name, "includes itself: "+cut(strings.Join(append(cycle, r.Name), " includes ")), "a role includes only roles below it")
		}
	}
}

// cycle is the way from the first role of a path back to itself, or nil. seen keeps the
// search from walking twice what two roles both include.
func (c *checker) cycle(path []string, seen map[string]bool) []string {
	for _, r := range c.p.UserRoles {
		if r.Name != path[len(path)-1] {
			continue
		}
		for _, lower := range r.Includes {
			if lower == path[0] {
				return path
			}
			if seen[lower] {
				continue
			}
			seen[lower] = true
			if found := c.cycle(append(slices.Clone(path), lower), seen); found != nil {
				return found
			}
		}
	}
	return nil
}

func (c *checker) agents() {
	purposes := c.p.Purposes
	for _, a := range c.p.Agents {
		at := "agents." + a.Name
		c.known("unknown-team", "team", at+".team", a.Team, c.teamNames())
		c.allKnown("unknown-purpose", "purpose", at+".purposes", a.Purposes, purposes)
		c.allKnown("unknown-user-role", "user role", at+".callers", a.Callers, c.roleNames())
		c.allKnown("unknown-tool", "tool", at+".tools", a.Tools, c.toolNames())
		for i, name := range a.Tools {
			if t, ok := c.p.Tool(name); ok {
				c.reachable(fmt.Sprintf("%s.tools[%d]", at, i), a, t)
			}
		}
		c.profiles(at, a.Models)
		c.closes(at, a)
	}
}

// closes refuses an agent that could publish the event which closes an item: it would make
// another whenever it liked.
func (c *checker) closes(at string, a platform.Agent) {
	for i, events := range a.Events {
		for _, t := range c.p.Tools {
			if t.Dedup != nil && t.Dedup.Until.Bus == events.Bus && slices.Contains(events.DetailTypes, t.Dedup.Until.Event) {
				c.sayAlso("agent-closes", fmt.Sprintf("%s.events[%d].detail_types", at, i), fmt.Sprintf("%s closes an item of %s, which an agent could then make again at will", cut(t.Dedup.Until.Event), cut(t.Name)),
					"let the application publish that event", "tools."+t.Name+".dedup.until.event")
			}
		}
	}
}

// reachable refuses a tool that nobody who may use the agent may call.
func (c *checker) reachable(path string, a platform.Agent, t platform.Tool) {
	mayUse, mayCall := c.p.RolesAbove(a.Callers), c.p.RolesAbove(t.Callers)
	if len(mayUse) == 0 || len(mayCall) == 0 || slices.ContainsFunc(mayUse, func(r string) bool { return slices.Contains(mayCall, r) }) {
		return
	}
	c.sayAlso("unreachable-tool", path, fmt.Sprintf("nobody who may use %s may call %s", cut(a.Name), cut(t.Name)),
		fmt.Sprintf("%s is for %s; %s is for %s", cut(a.Name), cut(strings.Join(mayUse, ", ")), cut(t.Name), cut(strings.Join(mayCall, ", "))), "tools."+t.Name+".callers")
}

// geographies begin the ids of cross-region inference profiles (Bedrock User Guide,
// inference-profiles-support); each routes within its own regions.
var geographies = []string{"us", "eu", "apac", "jp", "au", "us-gov", "global"}

// profiles: a cross-region profile ends in the id of the model it routes to.
func (c *checker) profiles(at string, m platform.Models) {
	if m.Via == "broker" && len(m.Profiles) > 0 {
		c.say("bad-model", at+".models.profiles", "are for models used directly; the broker chooses its own way to a model", "remove profiles, or use via: direct")
		return
	}
	for i, id := range m.IDs {
		if geography, _, ok := strings.Cut(id, "."); ok && slices.Contains(geographies, geography) {
			c.say("bad-model", fmt.Sprintf("%s.models.ids[%d]", at, i), fmt.Sprintf("%q is an inference profile, not a model", cut(id)), "put it in profiles, and its model in ids")
		}
	}
	for i, profile := range m.Profiles {
		_, model, _ := strings.Cut(profile, ".")
		if profile != "" && !slices.Contains(m.IDs, model) {
			c.say("unknown-model", fmt.Sprintf("%s.models.profiles[%d]", at, i), fmt.Sprintf("profile %q routes to a model that models.ids does not name", cut(profile)), "add "+cut(model)+" to models.ids")
		}
	}
}

// constraints checks one list; seen is where the ids before it stand. A record names a
// constraint by its id alone.
func (c *checker) constraints(list []platform.Constraint, at string, seen map[string]string) {
	for i, k := range list {
		path := fmt.Sprintf("%s[%d]", at, i)
		if first, twice := seen[k.ID]; twice && k.ID != "" {
			c.sayAlso("declared-twice", path+".id", fmt.Sprintf("constraint %q is declared twice", cut(k.ID)), "give each its own id", first)
		}
		seen[k.ID] = path + ".id"
		c.known("unknown-lane", "lane", path+".when.lane", k.When.Lane, c.p.LaneNames)
		c.known("unknown-user-role", "user role", path+".when.user_role", k.When.UserRole, c.roleNames())
		c.known("unknown-data-class", "data class", path+".when.data_class", k.When.DataClass, c.classNames())
		c.known("unknown-purpose", "purpose", path+".when.purpose", k.When.Purpose, c.p.Purposes)
		c.known("unknown-data-class", "data class", path+".forbid.data_class", k.Forbid.DataClass, c.classNames())
		c.allKnown("unknown-tool", "tool", path+".forbid.tools", k.Forbid.Tools, c.toolNames())
		if c.p.Places[path+".forbid"] != (terms.Pos{}) && !c.refused(path+".forbid") && k.Forbid.Access == "" && k.Forbid.DataClass == "" && len(k.Forbid.Tools) == 0 {
			c.say("forbids-nothing", path+".forbid", "names nothing to forbid", "name an access, a data class or tools")
		}
	}
}

func (c *checker) waivers() {
	for i, w := range c.p.Waivers {
		path := fmt.Sprintf("waivers[%d]", i)
		c.known("unknown-team", "team", path+".owner", w.Owner, c.teamNames())
		c.expired(path+".until", w.Until, "the waiver")
	}
}

func (c *checker) expired(path string, until terms.Date, what string) {
	if until != "" && until < c.today {
		c.say("expired", path, fmt.Sprintf("%s ended on %s", what, until), "remove it, or decide again and write a new date")
	}
}

package platform

import "slices"

// Tool is the declared tool of that name.
func (p *Platform) Tool(name string) (Tool, bool) {
	return find(p.Tools, func(t Tool) bool { return t.Name == name })
}

// Agent is the declared agent of that name.
func (p *Platform) Agent(name string) (Agent, bool) {
	return find(p.Agents, func(a Agent) bool { return a.Name == name })
}

// Environment is the declared environment of that name.
func (p *Platform) Environment(name string) (Environment, bool) {
	return find(p.Environments, func(e Environment) bool { return e.Name == name })
}

// Target is what a tool resolves to in the environment.
func (e Environment) Target(tool string) (Target, bool) {
	return find(e.Targets, func(t Target) bool { return t.Tool == tool })
}

// Bus is the name of a logical event bus here, "" where it has none.
func (e Environment) Bus(name string) string {
	bus, _ := find(e.Buses, func(b Bus) bool { return b.Name == name })
	return bus.Named
}

// Credential is the declared credential of that name.
func (e Environment) Credential(name string) (Credential, bool) {
	return find(e.Credentials, func(c Credential) bool { return c.Name == name })
}

func find[T any](list []T, is func(T) bool) (T, bool) {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i], true
	}
	var none T
	return none, false
}

// RolesAbove is every user role that may do what one of the named roles may do: the named
// roles and all roles that include them, directly or not, in declaration order.
func (p *Platform) RolesAbove(named []string) []string {
	above := map[string]bool{}
	for _, name := range named {
		above[name] = true
	}
	for grew := true; grew; {
		grew = false
		for _, r := range p.UserRoles {
			if !above[r.Name] && slices.ContainsFunc(r.Includes, func(lower string) bool { return above[lower] }) {
				above[r.Name], grew = true, true
			}
		}
	}
	var out []string
	for _, r := range p.UserRoles {
		if above[r.Name] {
			out = append(out, r.Name)
		}
	}
	return out
}

// ToolsOf is what a lane's agent may call in an environment: its tools less those the
// environment does without, in declaration order.
func (p *Platform) ToolsOf(a Agent, e Environment) []Tool {
	var out []Tool
	for _, t := range p.Tools {
		if slices.Contains(a.Tools, t.Name) && !slices.Contains(e.Without, t.Name) {
			out = append(out, t)
		}
	}
	return out
}

// ConstraintsOn is every constraint of the platform and the environment.
func (p *Platform) ConstraintsOn(e Environment) []Constraint {
	return append(slices.Clone(p.Constraints), e.Constraints...)
}

// ReadOnly reports whether a lane is forbidden every write whatever the user, purpose or
// hour; then its roles are made without any write too.
func (p *Platform) ReadOnly(e Environment, lane string) bool {
	return slices.ContainsFunc(p.ConstraintsOn(e), func(c Constraint) bool {
		return (c.When == When{} || c.When == When{Lane: lane}) && c.Forbid.Access == "write" && c.Forbid.DataClass == "" && len(c.Forbid.Tools) == 0
	})
}

// Forbids reports whether the constraint names this tool, whatever the context.
func (f Forbid) Forbids(t Tool) bool {
	return (f.Access == "" || f.Access == t.Access) &&
		(f.DataClass == "" || f.DataClass == t.DataClass) &&
		(len(f.Tools) == 0 || slices.Contains(f.Tools, t.Name))
}

// Running is a lane with everything it is made of.
type Running struct {
	LaneSite
	Actor       Agent
	Version     Lane
	Environment Environment
	Tools       []Tool // what the lane may call here, after constraints that hold always
	ReadOnly    bool
}

// Lanes is every lane of an environment, in declaration order.
func (p *Platform) Lanes(e Environment) []Running {
	var out []Running
	for _, set := range e.Lanes {
		agent, _ := p.Agent(set.Agent)
		for _, version := range set.Lanes {
			r := Running{
				LaneSite:    LaneSite{AgentSite: AgentSite{Site: p.Site(e, PlatformAccount), Agent: set.Agent}, Lane: version.Name},
				Actor:       agent,
				Version:     version,
				Environment: e,
				ReadOnly:    p.ReadOnly(e, version.Name),
			}
			for _, t := range p.ToolsOf(agent, e) {
				if !p.alwaysForbidden(e, version.Name, t) {
					r.Tools = append(r.Tools, t)
				}
			}
			out = append(out, r)
		}
	}
	return out
}

func (p *Platform) alwaysForbidden(e Environment, lane string, t Tool) bool {
	return slices.ContainsFunc(p.ConstraintsOn(e), func(c Constraint) bool {
		return (c.When == When{} || c.When == When{Lane: lane}) && c.Forbid.Forbids(t)
	})
}

// PlatformAccount is the purpose of the account where agents run. It is a word of the
// language, like user and tenant, and not a name of anyone's.
const PlatformAccount = "platform"

// Sites is every account of an environment in which Remit makes something: platform, and
// each resource account that a lane's tools reach.
func (p *Platform) Sites(e Environment) []Site {
	sites := []Site{p.Site(e, PlatformAccount)}
	for _, a := range e.Accounts {
		if a.Purpose != PlatformAccount && len(p.Reaches(e, a.Purpose)) > 0 {
			sites = append(sites, p.Site(e, a.Purpose))
		}
	}
	return sites
}

// Reaching is one lane's way to one tool's resource.
type Reaching struct {
	Running
	Tool   Tool
	Target ReachTarget
}

// Reaches is every reach into an account of an environment, lane by lane.
func (p *Platform) Reaches(e Environment, account string) []Reaching {
	var out []Reaching
	for _, lane := range p.Lanes(e) {
		out = append(out, lane.Reaches(account)...)
	}
	return out
}

// Reaches is what the lane's own tools reach in an account.
func (r Running) Reaches(account string) []Reaching {
	var out []Reaching
	for _, t := range r.Tools {
		target, _ := r.Environment.Target(t.Name)
		if t.Reach != nil && t.Reach.Account == account && target.Reach != nil {
			out = append(out, Reaching{Running: r, Tool: t, Target: *target.Reach})
		}
	}
	return out
}

// AccountNames is what an environment's and the company's account numbers are called.
func (p *Platform) AccountNames(e Environment) map[string]string {
	names := map[string]string{}
	for _, a := range e.Accounts {
		names[string(a.ID)] = a.Purpose
	}
	if p.Shared != nil {
		for _, a := range p.Shared.Accounts {
			names[string(a.ID)] = a.Purpose
		}
	}
	return names
}

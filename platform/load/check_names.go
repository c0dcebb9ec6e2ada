package load

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"remit/platform"
	"remit/terms"
)

// shared refuses anything that two environments both use: an account, an endpoint, a
// credential, a bus. Isolation begins with having nothing in common.
func (c *checker) shared() {
	var uses []use
	if c.p.Shared != nil {
		for _, a := range c.p.Shared.Accounts {
			uses = append(uses, use{"account", string(a.ID), "shared.accounts." + a.Purpose})
		}
	}
	for _, e := range c.p.Environments {
		uses = append(uses, usesOf(e)...)
	}
	first := map[string]string{} // kind and value → path of its first use
	for _, u := range uses {
		key := u.kind + " " + u.value
		switch earlier, taken := first[key]; {
		case strings.TrimSpace(u.value) == "":
		case taken && environmentOf(earlier) != environmentOf(u.path):
			c.sayAlso("shared-between-environments", u.path, fmt.Sprintf("%s %q is also used by %s", u.kind, cut(u.value), owner(earlier)), "each environment has its own", earlier)
		default:
			first[key] = u.path
		}
	}
	c.foreignPrincipals()
}

// use is something an environment uses that no other may use, and where it says so.
type use struct{ kind, value, path string }

func usesOf(e platform.Environment) []use {
	at := "environments." + e.Name + "."
	var out []use
	for _, a := range e.Accounts {
		out = append(out, use{"account", string(a.ID), at + "accounts." + a.Purpose})
	}
	for _, b := range e.Buses {
		out = append(out, use{"event bus", b.Named, at + "buses." + b.Name})
	}
	for _, k := range e.Credentials {
		out = append(out, use{"secret", k.Secret, at + "credentials." + k.Name + ".secret"})
	}
	for _, t := range e.Targets {
		out = append(out, usesOfTarget(at+"targets."+t.Tool, t)...)
	}
	for i, subnet := range e.Network.Subnets {
		out = append(out, use{"subnet", subnet, fmt.Sprintf("%snetwork.subnets[%d]", at, i)})
	}
	for i, group := range e.Network.SecurityGroups {
		out = append(out, use{"security group", group, fmt.Sprintf("%snetwork.security_groups[%d]", at, i)})
	}
	if e.Identity.Issuer != "" && e.Identity.Audience != "" {
		out = append(out, use{"issuer and audience", e.Identity.Issuer + " " + e.Identity.Audience, at + "identity.audience"})
	}
	if a := e.Identity.Approvals; a != nil && e.Identity.Issuer != "" && a.Audience != "" {
		out = append(out, use{"issuer and audience", e.Identity.Issuer + " " + a.Audience, at + "identity.approvals.audience"})
	}
	return out
}

func usesOfTarget(path string, t platform.Target) []use {
	var out []use
	if t.APIGateway != nil {
		out = append(out, use{"API", t.APIGateway.API, path + ".api_gateway.api"})
	}
	if t.OpenAPI != nil {
		out = append(out, use{"server", host(t.OpenAPI.Server), path + ".openapi.server"})
	}
	if t.MCPServer != nil {
		out = append(out, use{"server", host(t.MCPServer.URL), path + ".mcp_server.url"})
	}
	if t.Reach != nil {
		out = append(out, use{"API", t.Reach.API, path + ".reach.api"})
	}
	return out
}

// foreignPrincipals refuses a deployer or operator who lives in an account of another environment.
func (c *checker) foreignPrincipals() {
	home := map[terms.AccountID]string{}
	for _, e := range c.p.Environments {
		for _, a := range e.Accounts {
			home[a.ID] = e.Name
		}
	}
	for _, e := range c.p.Environments {
		for path, arns := range peopleOf(e) {
			for i, principal := range arns {
				m := iamRole.FindStringSubmatch(principal)
				if m == nil {
					continue
				}
				if other := home[terms.AccountID(m[1])]; other != "" && other != e.Name {
					c.say("shared-between-environments", fmt.Sprintf("environments.%s.%s[%d]", e.Name, path, i), fmt.Sprintf("the principal lives in an account of %s", other), "each environment has its own people")
				}
			}
		}
	}
}

// peopleOf is the roles of people that an environment names, by where it does.
func peopleOf(e platform.Environment) map[string][]string {
	out := map[string][]string{"deploy.by": e.Deploy.People()}
	if e.Operations != nil {
		out["operations.operators"], out["operations.breakglass"] = e.Operations.Operators, e.Operations.Breakglass
	}
	return out
}

var iamRole = regexp.MustCompile(`^arn:aws(?:-cn|-us-gov)?:iam::([0-9]{12}):role/[A-Za-z0-9+=,.@_/-]{1,512}$`)

func environmentOf(path string) string {
	parts := strings.SplitN(path, ".", 3)
	if parts[0] == "environments" {
		return parts[1]
	}
	return ""
}

func owner(path string) string {
	if e := environmentOf(path); e != "" {
		return e
	}
	return "the company as a whole"
}

// host is what two URLs share when they reach the same server.
func host(url string) string {
	rest := strings.TrimPrefix(url, "https://")
	name, _, _ := strings.Cut(rest, "/")
	return strings.TrimSuffix(name, ":443")
}

// names refuses physical names that AWS would refuse, or that two things would share.
func (c *checker) names() {
	for _, a := range c.p.Agents {
		if a.Name == "bootstrap" || a.Name == "fence" || strings.HasPrefix(a.Name, "fence-") || strings.HasPrefix(a.Name, "fence_") {
			c.say("reserved-name", "agents."+a.Name, "its stacks would pass for the fence's or the bootstrap's, which other roles deploy", "choose another name")
		}
	}
	for _, e := range c.p.Environments {
		taken := map[string]string{}
		said := map[string]bool{} // one name is enough to say what is wrong with a declaration
		for _, n := range c.physicalNames(e) {
			if over := len(n.name) - n.most; over > 0 && !said[n.path] {
				said[n.path] = true
				c.say("name-too-long", n.path, fmt.Sprintf("its %s would be called %s: %d characters, and AWS takes %d", n.kind, cut(n.name), len(n.name), n.most),
					fmt.Sprintf("shorten the parts of that name by %d", over))
			}
			key := n.kind + " " + strings.ToLower(n.name) // IAM roles and gateways are told apart without case
			if first, twice := taken[key]; twice && first != n.path && !said[n.path+" "+first] {
				said[n.path+" "+first] = true
				c.sayAlso("name-collision", n.path, fmt.Sprintf("its %s would be called %s, and that name is taken", n.kind, cut(n.name)), "choose names that differ in more than case, - and _", first)
			}
			taken[key] = n.path
		}
	}
}

// physicalName is a derived name, what it names, the most characters AWS takes, and the
// declaration it comes from. A declaration's longest names come first.
type physicalName struct {
	kind, name string
	most       int
	path       string
}

// laneRoles are the longest-named roles a lane has.
var laneRoles = []string{"execution", "gateway", "response", "request", "memory", "reach", "readout"}

func (c *checker) physicalNames(e platform.Environment) []physicalName {
	at := "environments." + e.Name + "."
	var out []physicalName
	add := func(kind, name string, most int, path string) {
		out = append(out, physicalName{kind, name, most, path})
	}
	for _, site := range c.p.Sites(e) {
		path := at + "accounts." + site.Purpose
		add("stack", site.FenceStack(), 128, path)
		add("stack", site.AccountStack(), 128, path)
	}
	add("bootstrap role", c.p.Site(e, platform.PlatformAccount).Named("bootstrap", "fence-execution"), 64, at+"environment")
	agents := map[string]bool{}
	for _, lane := range c.p.Lanes(e) {
		path := at + "lanes." + lane.Agent
		if !agents[path] {
			add("stack", lane.AgentSite.Stack(), 128, path)
			agents[path] = true
		}
		path += "." + lane.Lane
		add("stack", lane.LaneSite.Stack(), 128, path)
		add("runtime", lane.Runtime(), 48, path)
		add("gateway", lane.Gateway(), 48, path)
		add("policy engine", lane.Engine(), 48, path)
		for _, role := range laneRoles {
			add("role", lane.Function(role), 64, path)
		}
	}
	for _, t := range c.p.Tools {
		add("gateway target", platform.TargetName(t.Name), 100, "tools."+t.Name)
	}
	slices.SortFunc(out, func(a, b physicalName) int {
		return cmp.Or(strings.Compare(a.path, b.path), (len(b.name)-b.most)-(len(a.name)-a.most), strings.Compare(a.kind+a.name, b.kind+b.name))
	})
	return out
}

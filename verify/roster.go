package verify

import (
	"remit/iam"
	"remit/platform"
)

// duty is what a declared role is for. The zero duty is no declared role's.
type duty struct {
	kind     string        // "execution", "gateway", … as role names end
	site     platform.Site // where it lives
	lane     platform.Running
	boundary iam.ARN // the one it must stand in
	path     string  // in the declaration
}

// place is whose an account is: an environment's, or with no environment the company's.
type place struct{ environment, purpose, region string }

// roster is every role a declaration speaks of, and whose each account is. It is derived
// from names alone: what such roles may do is for the rules to say.
func roster(p *platform.Platform) (map[iam.ARN]duty, map[string]place) {
	roles, sites := map[iam.ARN]duty{}, map[string]place{}
	if p == nil {
		return roles, sites
	}
	if p.Shared != nil {
		for _, a := range p.Shared.Accounts {
			sites[string(a.ID)] = place{"", a.Purpose, p.Shared.Region}
		}
	}
	enrolPipeline(roles, p)
	for _, e := range p.Environments {
		for _, a := range e.Accounts {
			sites[string(a.ID)] = place{e.Name, a.Purpose, e.Region}
		}
		for _, site := range p.Sites(e) {
			enrol(roles, e, site)
		}
		for _, lane := range p.Lanes(e) {
			enrolLane(roles, p, e, lane)
		}
	}
	return roles, sites
}

// pipelineKinds are the roles in the pipeline's account, by what their names end in.
var pipelineKinds = map[string]string{
	"service": "pipeline", "test": "step-test", "judge": "step-judge", "evaluate": "step-evaluate", "fence": "step-fence", "deploy": "step-deploy", "gate": "gate", "approver": "approver",
}

// enrolPipeline enrols the pipeline's roles, and those of the hooks in the accounts that only it
// deploys to.
func enrolPipeline(roles map[iam.ARN]duty, p *platform.Platform) {
	if p.Shared == nil || p.Shared.Pipeline == nil {
		return
	}
	site := p.SharedSite(platform.Pipeline)
	for name, kind := range pipelineKinds {
		roles[iam.ARN(site.Role(platform.Pipeline, name))] = duty{kind: kind, site: site, boundary: iam.ARN(site.Boundary(kind)), path: "shared.pipeline"}
	}
	for _, e := range p.Environments {
		for _, there := range p.Hooked(e) {
			roles[iam.ARN(there.Role("hook"))] = duty{kind: "hook", site: there, boundary: iam.ARN(there.Boundary("hook")), path: "environments." + e.Name + ".deploy"}
			roles[iam.ARN(there.Role("hook", "caller"))] = duty{kind: "hook-caller", site: there, boundary: iam.ARN(there.Boundary("hook-caller")), path: "environments." + e.Name + ".deploy"}
		}
	}
}

// bootstrapKinds are the roles that deploy to an account, and what they are called here.
var bootstrapKinds = map[string]string{
	"deploy": "deploy", "assets": "assets", "lookup": "lookup", "execution": "execution of stacks",
	"fence-deploy": "fence-deploy", "fence-assets": "fence-assets", "fence-execution": "execution of the fence",
}

func enrol(roles map[iam.ARN]duty, e platform.Environment, site platform.Site) {
	for name, kind := range bootstrapKinds {
		roles[iam.ARN(site.BootstrapRole(name))] = duty{kind: kind, site: site, boundary: iam.ARN(site.BootstrapBoundary()), path: "environments." + e.Name + ".deploy"}
	}
	if site.Purpose == platform.PlatformAccount {
		roles[iam.ARN(site.Role("entry"))] = duty{kind: "entry", site: site, boundary: iam.ARN(site.Boundary("entry")), path: "environments." + e.Name + ".identity.entry"}
		roles[iam.ARN(site.Role("approve"))] = duty{kind: "approve", site: site, boundary: iam.ARN(site.Boundary("approve")), path: "environments." + e.Name + ".identity.approvals"}
		roles[iam.ARN(site.Role("closing"))] = duty{kind: "closing", site: site, boundary: iam.ARN(site.Boundary("closing")), path: "environments." + e.Name + ".buses"}
		roles[iam.ARN(site.Role("watch"))] = duty{kind: "watch", site: site, boundary: iam.ARN(site.Boundary("watch")), path: "environments." + e.Name + ".anomaly"}
		roles[iam.ARN(site.Role("meter"))] = duty{kind: "meter", site: site, boundary: iam.ARN(site.Boundary("meter")), path: "environments." + e.Name + ".model_logs"}
		roles[iam.ARN(site.Role("sweep"))] = duty{kind: "sweep", site: site, boundary: iam.ARN(site.Boundary("sweep")), path: "environments." + e.Name + ".limits"}
	}
	if site.Purpose == platform.PlatformAccount && e.Operations != nil {
		for kind, boundary := range map[string]string{"operate": "operate", "operator": "operator", "breakglass": "operator"} {
			roles[iam.ARN(site.Role(kind))] = duty{kind: kind, site: site, boundary: iam.ARN(site.Boundary(boundary)), path: "environments." + e.Name + ".operations"}
		}
	}
}

// laneKinds are a lane's roles and the kind of boundary each stands in.
var laneKinds = map[string]string{"gateway": "gateway", "memory": "memory", "request": "function", "response": "function", "reach": "reach"}

func enrolLane(roles map[iam.ARN]duty, p *platform.Platform, e platform.Environment, lane platform.Running) {
	path := "environments." + e.Name + ".lanes." + lane.Agent + "." + lane.Lane
	for kind, boundary := range laneKinds {
		roles[iam.ARN(lane.Role(kind))] = duty{kind: kind, site: lane.Site, lane: lane, boundary: iam.ARN(lane.Boundary(boundary)), path: path}
	}
	boundary := "execution"
	if direct(lane) {
		boundary = "execution-direct"
	}
	roles[iam.ARN(lane.Role("execution"))] = duty{kind: "execution", site: lane.Site, lane: lane, boundary: iam.ARN(lane.Boundary(boundary)), path: "agents." + lane.Agent}
	if lane.Brokered() {
		roles[iam.ARN(lane.Role("broker"))] = duty{kind: "broker", site: lane.Site, lane: lane, boundary: iam.ARN(lane.Boundary("broker")), path: "agents." + lane.Agent + ".models"}
	}
	for _, tool := range lane.Tools {
		if tool.Reach == nil {
			continue
		}
		if site := p.Site(e, tool.Reach.Account); site.Account != "" {
			roles[iam.ARN(site.Role(lane.Agent, lane.Lane, "reached"))] = duty{kind: "reached", site: site, lane: lane, boundary: iam.ARN(site.Boundary("reached")), path: "tools." + tool.Name + ".reach"}
		}
	}
}

// direct reports whether the lane's own code uses models or reaches past the gateway, as
// declared.
func direct(lane platform.Running) bool {
	return lane.Actor.Models.Via == "direct" || len(directReaches(lane)) > 0
}

func directReaches(lane platform.Running) []platform.Tool {
	var out []platform.Tool
	for _, t := range lane.Tools {
		if t.Reach != nil && t.Reach.Direct != nil {
			out = append(out, t)
		}
	}
	return out
}

// apart reports whether two accounts belong to different environments.
func (c *court) apart(a, b string) bool {
	x, y := c.sites[a].environment, c.sites[b].environment
	return x != "" && y != "" && x != y
}

// called is what people call an account.
func (c *court) called(account string) string {
	switch s, known := c.sites[account]; {
	case !known:
		return account
	case s.environment == "":
		return s.purpose
	default:
		return s.environment + " " + s.purpose
	}
}

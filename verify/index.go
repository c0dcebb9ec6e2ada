package verify

import (
	"slices"
	"strings"

	"remit/iam"
	"remit/platform"
)

// lookup is what the rules look up again and again, made once: every question would otherwise
// walk the whole world, and a world of a thousand roles asks a hundred thousand.
type lookup struct {
	lanes     map[string][]platform.Running // by environment
	sites     map[string][]platform.Site
	inAccount map[string][]*actor
	passers   map[string][]*actor     // who may pass some role, by account
	refusers  map[string][]iam.Policy // resource policies with denials, by the service of their resource
	memories  map[string][]string     // by account
	base      map[platform.Site]shapes
	models    map[string][]string // by environment and way to them
	entries   map[string]iam.ARN  // the front door's role, by account
}

func (c *court) index() {
	c.lookup = lookup{
		lanes: map[string][]platform.Running{}, sites: map[string][]platform.Site{}, inAccount: map[string][]*actor{}, passers: map[string][]*actor{},
		refusers: map[string][]iam.Policy{}, memories: map[string][]string{}, base: map[platform.Site]shapes{}, models: map[string][]string{}, entries: map[string]iam.ARN{},
	}
	for _, a := range c.actors {
		account := a.ARN.Account()
		c.inAccount[account] = append(c.inAccount[account], a)
		if a.words.mayBe([]string{"iam:PassRole"}) {
			c.passers[account] = append(c.passers[account], a)
		}
	}
	for _, p := range c.World.Policies {
		if p.Kind != "managed" && slices.ContainsFunc(p.Document.Statements, func(s iam.Statement) bool { return s.Effect == iam.Deny }) {
			c.refusers[p.ARN.Part(2)] = append(c.refusers[p.ARN.Part(2)], p)
		}
	}
	for arn, d := range c.roster {
		if d.kind == "entry" {
			c.entries[arn.Account()] = arn
		}
	}
	if c.Platform != nil {
		c.declared()
	}
}

func (c *court) declared() {
	for _, e := range c.Platform.Environments {
		c.lanes[e.Name], c.lookup.sites[e.Name] = c.Platform.Lanes(e), c.Platform.Sites(e)
		for _, lane := range c.lanes[e.Name] {
			via := e.Name + " " + lane.Actor.Models.Via
			c.models[via] = append(c.models[via], modelsOf(lane, lane.Actor.Models.Via)...)
			if lane.Actor.Memory != nil {
				account, table := string(lane.Account), lane.MemoryTableARN()
				c.memories[account] = append(c.memories[account], table, table+"/*")
			}
		}
		for _, site := range c.lookup.sites[e.Name] {
			c.base[site] = c.siteShapes(e, site)
		}
	}
	if site := c.Platform.SharedSite(platform.Pipeline); c.Platform.Shared != nil && c.Platform.Shared.Pipeline != nil {
		c.base[site] = c.pipelineShapes(site)
	}
	for account, tables := range c.memories {
		slices.Sort(tables)
		c.memories[account] = slices.Compact(tables)
	}
}

// refusersOf are the resource policies that may refuse one of the wanted actions: those on
// things of the actions' services.
func (c *court) refusersOf(wanted iam.Document) []iam.Policy {
	var out []iam.Policy
	for _, s := range wanted.Statements {
		for _, action := range s.Actions.Of {
			service, _, named := strings.Cut(strings.ToLower(action), ":")
			if named && !wild(service) {
				out = append(out, c.refusers[service]...)
				continue
			}
			for _, policies := range c.refusers {
				out = append(out, policies...)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b iam.Policy) int { return strings.Compare(string(a.ARN)+a.Kind, string(b.ARN)+b.Kind) })
	return slices.CompactFunc(out, func(a, b iam.Policy) bool { return a.ARN == b.ARN && a.Kind == b.Kind })
}

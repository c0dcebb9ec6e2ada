package verify

import (
	"slices"
	"strings"

	"remit/iam"
)

// Effect is what one role amounts to, decided for all requests: after its boundary, its own
// refusals and those of resources, and with every way to it and from it. The zero Effect is
// that of a role which is not in the world.
type Effect struct {
	Role      iam.ARN   `json:"role"`
	Takers    []Hop     `json:"takers"`    // roles of the world that become it in one step
	Outsiders []string  `json:"outsiders"` // principals its trust names of whom nothing was read, services included
	Becomes   []Reached `json:"becomes"`   // roles and foreign resources it comes to, nearest first
	May       []Access  `json:"may"`       // what is left of its grants
	Less      []Less    `json:"less"`      // its grants of which something is refused
	Items     []Items   `json:"items"`     // tables whose items it reads or writes
	Alone     []string  `json:"alone"`     // actions that no other role of the world may do on any of the same resources
	Blind     bool      `json:"blind"`     // the world holds no resource, so nothing is known of what runs as a role
}

// Reached is where a role's ways lead: To, in so many Steps, the last of them How.
type Reached struct {
	To    iam.ARN `json:"to"`
	How   string  `json:"how"`
	Steps int     `json:"steps"`
}

// Less is a grant of which something, or Wholly everything, is refused. By are the Sids of
// the denials, and "" for a boundary that does not allow it.
type Less struct {
	Sid    string   `json:"sid"`
	By     []string `json:"by"`
	Wholly bool     `json:"wholly"`
}

// Items is a table and the patterns of leading keys that hold a role there; none is any key.
type Items struct {
	Table iam.ARN  `json:"table"`
	Keys  []string `json:"keys"`
}

// Effects are those of the named roles, or of all, in ARN order.
func Effects(w iam.World, roles ...iam.ARN) []Effect {
	c := open(Case{World: w})
	var out []Effect
	for _, a := range c.actors {
		if len(roles) == 0 || slices.Contains(roles, a.ARN) {
			out = append(out, c.effect(a))
		}
	}
	return out
}

func (c *court) effect(a *actor) Effect {
	may := c.left(a)
	return Effect{
		Role: a.ARN, Takers: nonNil(c.takers(a)), Outsiders: nonNil(c.outsiders(a)), Becomes: nonNil(c.becomes(a)),
		May: may, Less: nonNil(c.less(a, may)), Items: nonNil(c.items(a)), Alone: nonNil(c.alone(a, may)),
		Blind: len(c.World.Resources) == 0,
	}
}

func (c *court) takers(a *actor) []Hop {
	var out []Hop
	for _, from := range c.actors {
		for _, way := range c.ways().edges[from.ARN] {
			if way.to == a.ARN {
				out = append(out, Hop{from.ARN, way.how})
			}
		}
	}
	return out
}

// outsiders are whom the trust names, by its pin where it has one, and the world does not hold.
func (c *court) outsiders(a *actor) []string {
	var out []string
	for _, s := range a.Trust.Statements {
		if s.Effect != iam.Allow {
			continue
		}
		out = append(append(out, s.Principals.Service...), s.Principals.Federated...)
		for _, who := range pinned(s) {
			if _, known := c.byARN[iam.ARN(who)]; !known {
				out = append(out, who)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// pinned is whom a statement's condition names, else its principals.
func pinned(s iam.Statement) []string {
	for _, c := range s.When {
		if strings.EqualFold(c.Key, "aws:PrincipalArn") && slices.Contains(positive, c.Op) {
			return c.Values
		}
	}
	return s.Principals.AWS
}

func (c *court) becomes(a *actor) []Reached {
	var out []Reached
	for _, r := range c.from(a.ARN, func(iam.ARN) bool { return true }) {
		out = append(out, Reached{r.to, r.chain[len(r.chain)-1].How, len(r.chain)})
	}
	return out
}

// less are the grants of which a denial or the boundary takes something.
func (c *court) less(a *actor, may []Access) []Less {
	var out []Less
	for _, s := range a.within[0].Statements {
		if s.Effect != iam.Allow {
			continue
		}
		if by := c.refusing(a, s); by != nil {
			out = append(out, Less{s.Sid, by, !slices.ContainsFunc(may, func(left Access) bool { return left.Sid == s.Sid })})
		}
	}
	return out
}

func (c *court) refusing(a *actor, s iam.Statement) []string {
	grant := iam.Doc(s)
	var out []string
	for _, refused := range append(denialsOf(a.within), c.refusals(a, grant)...) {
		for _, denial := range refused.Statements {
			if !mayMeet(denial, s) {
				continue
			}
			if _, found := c.search(a, []iam.Document{grant, {Version: refused.Version, Statements: []iam.Statement{denial}}}, nil); found {
				out = append(out, denial.Sid)
			}
		}
	}
	for _, boundary := range a.within[1:] {
		boundary.Statements = slices.DeleteFunc(slices.Clone(boundary.Statements), func(s iam.Statement) bool { return s.Effect == iam.Deny })
		if _, found := c.search(a, []iam.Document{grant}, []iam.Document{boundary}); found {
			out = append(out, "")
		}
	}
	return out
}

// items are the tables of the role's grants, and the keys that hold it there: the candidates
// are what its conditions say, and the prover says whether they hold.
func (c *court) items(a *actor) []Items {
	var out []Items
	for _, table := range tablesOf(a.within[0]) {
		of := []string{string(table), string(table) + "/*"}
		if _, found := c.can(a, want(itemReads, of)); !found {
			continue
		}
		keys := leadingKeys(a.within[0], table)
		held := want(itemReads, of, iam.When("Null", "dynamodb:LeadingKeys", "false"), iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", keys...))
		if _, free := c.can(a, want(itemReads, of), held); free || keys == nil {
			keys = []string{}
		}
		out = append(out, Items{table, keys})
	}
	return out
}

func tablesOf(d iam.Document) []iam.ARN {
	var out []iam.ARN
	for _, s := range d.Statements {
		for _, resource := range s.Resources.Of {
			if arn := iam.ARN(resource); s.Effect == iam.Allow && arn.Part(2) == "dynamodb" {
				table, _, _ := strings.Cut(strings.TrimPrefix(arn.Part(5), "table/"), "/")
				out = append(out, iam.ARN(strings.TrimSuffix(resource, arn.Part(5))+"table/"+table))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func leadingKeys(d iam.Document, table iam.ARN) []string {
	var out []string
	for _, s := range d.Statements {
		if s.Effect != iam.Allow || !slices.ContainsFunc(s.Resources.Of, func(r string) bool { return strings.HasPrefix(r, string(table)) }) {
			continue
		}
		for _, condition := range s.When {
			if strings.EqualFold(condition.Key, "dynamodb:LeadingKeys") && condition.Op != "Null" {
				out = append(out, condition.Values...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// alone counts an action only where the prover found no other role, so that what nobody
// could decide is not called exclusive.
func (c *court) alone(a *actor, may []Access) []string {
	var out []string
	for _, s := range a.within[0].Statements {
		for _, left := range may {
			if left.Sid != s.Sid || s.Effect != iam.Allow {
				continue
			}
			out = append(out, slices.DeleteFunc(slices.Clone(left.Actions), func(action string) bool {
				return c.others(a, iam.Statement{Effect: iam.Allow, Actions: iam.Of(action), Resources: s.Resources})
			})...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (c *court) others(a *actor, s iam.Statement) bool {
	return slices.ContainsFunc(c.actors, func(other *actor) bool {
		if other == a {
			return false
		}
		_, may := c.may(other, s)
		return may
	})
}

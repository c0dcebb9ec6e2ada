package conformance

import (
	"math/rand/v2"
	"slices"
	"testing"

	"remit/iam"
)

// rank orders verdicts by how much they let happen.
func rank(v iam.Verdict) int {
	return map[iam.Verdict]int{iam.Denied: 0, iam.Unknown: 1, iam.Allowed: 2}[v]
}

// TestALimitNeverAllowsMore is a law that needs no second opinion: a boundary, a control, a
// session policy or a deny only takes away, an allow only adds.
func TestALimitNeverAllowsMore(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(3, 1))}
	changed := map[string]int{}
	for range 5_000 {
		c := m.example()
		before := c.world.Eval(c.request)
		for _, limit := range []struct {
			name string
			by   func(example) example
		}{
			{"a boundary", func(c example) example {
				if c.world.Roles[0].Boundary == "" {
					c.world.Roles = append([]iam.Role(nil), c.world.Roles...)
					c.world.Roles[0].Boundary = "arn:aws:iam::111111111111:policy/new"
					c.world.Policies = append(slices.Clip(c.world.Policies), iam.Policy{ARN: c.world.Roles[0].Boundary, Kind: "managed", Document: m.document(c.subject, false)})
				}
				return c
			}},
			{"a control", func(c example) example {
				c.world.Controls = append(slices.Clip(c.world.Controls), iam.Control{Level: "new", Accounts: []string{home}, Documents: []iam.Document{m.control(c.subject)}})
				return c
			}},
			{"a session policy", func(c example) example {
				c.request.Session = append(slices.Clip(c.request.Session), m.document(c.subject, false))
				return c
			}},
			{"a deny", func(c example) example { return c.stating(m.statement(c.subject, false), iam.Deny) }},
		} {
			after := limit.by(c)
			if v := after.world.Eval(after.request); rank(v) > rank(before) {
				t.Fatalf("%s turned %v into %v: %+v", limit.name, before, v, after)
			} else if v != before {
				changed[limit.name]++
			}
		}
		wider := c.stating(m.statement(c.subject, false), iam.Allow)
		if v := wider.world.Eval(wider.request); rank(v) < rank(before) {
			t.Fatalf("an allow turned %v into %v: %+v", before, v, wider)
		} else if v != before {
			changed["an allow"]++
		}
	}
	t.Logf("verdicts changed by %v", changed)
	if len(changed) != 5 {
		t.Errorf("some change never changes a verdict: %v", changed)
	}
}

// stating adds a statement to the caller's own policy.
func (e example) stating(s iam.Statement, effect iam.Effect) example {
	s.Effect = effect
	roles := append([]iam.Role(nil), e.world.Roles...)
	roles[0].Policy.Statements = append(slices.Clip(roles[0].Policy.Statements), s)
	e.world.Roles = roles
	return e
}

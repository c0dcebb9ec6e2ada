package faults

import (
	"slices"
	"testing"

	"remit/platform"
	"remit/verify"
)

// TestEveryLineOfTheCeilingIsNeeded: grants are within the ceiling (the companies verify clean),
// and without any one of its lines some grant or boundary is above it.
func TestEveryLineOfTheCeilingIsNeeded(t *testing.T) {
	all := []*platform.Platform{reachingDirectly(t)}
	for _, dir := range declarations(t) {
		all = append(all, declared(t, dir))
	}
	for i, line := range verify.CeilingLines() {
		if !slices.ContainsFunc(all, func(p *platform.Platform) bool {
			return !verify.Judge(verify.Case{World: intendedOf(p), Platform: p, Today: today}, verify.CeilingWithout(i)...).Clean()
		}) {
			t.Errorf("no grant and no boundary needs the ceiling's line %q; it is wider than what it is for", line)
		}
	}
}

// reachingDirectly is the worked company with its reach declared direct: the flagged exception,
// which no worked company makes.
func reachingDirectly(t *testing.T) *platform.Platform {
	t.Helper()
	p := declared(t, "../../environments/meridian")
	for i := range p.Tools {
		if r := p.Tools[i].Reach; r != nil {
			direct := *r
			direct.Direct = &platform.Direct{Why: "a nightly batch", Until: "2027-01-31"}
			p.Tools[i].Reach = &direct
		}
	}
	return p
}

func TestADirectReachIsWithinTheCeilingToo(t *testing.T) {
	p := reachingDirectly(t)
	if found := verify.Judge(verify.Case{World: intendedOf(p), Platform: p, Today: today}).Findings; len(found) > 0 {
		t.Errorf("a declared exception is accused:\n%s", texts(found))
	}
}

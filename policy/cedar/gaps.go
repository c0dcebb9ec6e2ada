package cedar

import (
	"slices"
	"strings"

	"remit/policy"
	"remit/terms"
)

// Gap is something the declaration says and the engine does not hold, so that it rests on
// the interceptors alone. Rule is its path in the declaration.
type Gap struct {
	Rule, Why string
}

// Gaps is everything the bundle says that [Render] leaves out, in the order of the
// declaration's paths. Their absence never makes the engine refuse what the reference
// allows.
func Gaps(b *policy.Bundle) []Gap {
	l := lane{Bundle: b}
	gaps := []Gap{{"agents." + b.Lane.Agent, "the token's lane is in a nested claim, which may be no tag: the gateway's audience keeps other lanes out"}}
	for _, c := range b.Constraints {
		if l.here(c) && c.When.Hours != (terms.Hours{}) {
			gaps = append(gaps, Gap{"constraints." + c.ID, "AWS's pages disagree on whether a policy may read the time (policy-schema-constraints, policy-time-based)"})
		}
	}
	for _, name := range l.openTools() {
		gaps = append(gaps, toolGaps("tools."+name, b.Tools[name])...)
		if b.Tools[name].PerUserDay > 0 {
			gaps = append(gaps, Gap{"environments." + b.Lane.Environment + ".limits.tools." + name, "a policy does not count"})
		}
	}
	slices.SortStableFunc(gaps, func(a, b Gap) int { return strings.Compare(a.Rule, b.Rule) })
	return gaps
}

func toolGaps(at string, t *policy.Tool) (gaps []Gap) {
	for _, g := range []struct {
		said      bool
		word, why string
	}{
		{true, ".response", "an engine sees no reply"},
		{t.Datum != nil, ".datum", "only the directory knows whose datum it is"},
		{len(t.Never) > 0, ".response.never", "a policy reads declared arguments only, and no keys or values below them"},
		{t.Confirmation != nil, ".confirmation", "a policy remembers nothing of another call"},
		{t.Once != nil && t.Once.Until == "", ".idempotency", "a policy remembers nothing of another call"},
		{t.Once != nil && t.Once.Until != "", ".dedup", "a policy remembers nothing of another call"},
	} {
		if g.said {
			gaps = append(gaps, Gap{at + g.word, g.why})
		}
	}
	return gaps
}

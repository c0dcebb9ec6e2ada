package cedar

import (
	"slices"
	"strconv"
	"strings"

	"remit/policy"
)

// forbid is a constraint over the tools it refuses; nothing where it refuses none of them,
// or only a purpose that is not the agent's. It forbids unless the claims show that it does not apply, so that a missing
// claim forbids. A claim of another type makes a policy err, and Cedar skips it; then the
// permit, which reads the same claim, errs or fails too.
func (l *lane) forbid(c policy.Constraint) []Policy {
	if c.When.Purpose != "" && !slices.Contains(l.Purposes, c.When.Purpose) {
		return nil
	}
	tools := slices.DeleteFunc(l.openTools(), func(tool string) bool { return !l.forbids(c, tool) })
	var out []Policy
	for part := range slices.Chunk(tools, perForbid) {
		words := []string{c.ID}
		if n := len(out) + 1; n > 1 {
			words = append(words, strconv.Itoa(n))
		}
		out = append(out, Policy{
			Name:      l.name("never", words...),
			Why:       "constraints." + c.ID + ", for " + strings.Join(part, ", "),
			Statement: l.head("forbid", part...) + "\nunless {\n  " + strings.Join(spared(c.When), " ||\n  ") + "\n};",
		})
	}
	return out
}

// spared is how claims show that a constraint does not apply. It is never empty: tools
// that a constraint refuses whatever the claims are not open.
func spared(w policy.When) (ways []string) {
	if w.Purpose != "" {
		ways = append(ways, has("purpose")+" && "+get("purpose")+" != "+quote(w.Purpose))
	}
	if w.UserRole != "" {
		ways = append(ways, has("roles_s")+" && !"+anyOf("  ", holds(w.UserRoles)))
	}
	return ways
}

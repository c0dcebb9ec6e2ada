package identity

import (
	"slices"
	"strings"

	"remit/terms"
)

// parseLane reads the derived name of a lane: platform.environment.agent.lane. Names hold
// no dots, so it can be read in one way only.
func parseLane(s string) (terms.Lane, bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 4 || slices.ContainsFunc(parts, func(part string) bool { return !isName(part) }) {
		return terms.Lane{}, false
	}
	return terms.Lane{Platform: parts[0], Environment: parts[1], Agent: parts[2], Name: parts[3]}, true
}

// isTenant: a tenant becomes an AWS session tag and a part of keys between # signs, so it
// may hold only what session tags may (STS Tag.Value), which leaves out # and wildcards.
func isTenant(s string) bool {
	return isText(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(" _.:/=+-@", r))
	})
}

// joinRoles writes user roles as one string, for Cedar: how an array claim arrives there is
// unproven. Each stands between dots, which no name holds, so that like "*.underwriter.*"
// finds a whole role and never a part of one.
func joinRoles(roles []string) string {
	return "." + strings.Join(append(slices.Clone(roles), ""), ".")
}

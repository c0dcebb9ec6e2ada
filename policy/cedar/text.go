package cedar

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
)

func has(tag string) string { return "principal.hasTag(" + quote(tag) + ")" }
func get(tag string) string { return "principal.getTag(" + quote(tag) + ")" }

// equals is one test for each word a tag may be.
func equals(tag string, words []string) []string {
	tests := make([]string, len(words))
	for i, w := range words {
		tests[i] = get(tag) + " == " + quote(w)
	}
	return tests
}

// holds is one test for each role that roles_s may hold. The dots on both sides are what
// keeps lead from being found in team_lead: package identity puts one around every role,
// and no role holds one.
func holds(roles []string) []string {
	tests := make([]string, len(roles))
	for i, role := range roles {
		tests[i] = get("roles_s") + ` like "*.` + strings.ReplaceAll(escape(role), "*", `\*`) + `.*"`
	}
	return tests
}

// anyOf is a list of tests in brackets, one a line when there are several.
func anyOf(indent string, tests []string) string {
	if len(tests) == 1 {
		return "(" + tests[0] + ")"
	}
	return "(\n  " + indent + strings.Join(tests, " ||\n  "+indent) + "\n" + indent + ")"
}

func quote(s string) string { return `"` + escape(s) + `"` }

// escape writes text that ends no Cedar string and hides nothing from a reviewer: quotes
// and backslashes get a backslash, and whatever is not printable ASCII becomes its number.
func escape(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteString(`\` + string(r))
		case r < ' ' || r > '~':
			fmt.Fprintf(&out, `\u{%x}`, r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

const readable = 18 // characters of a shortened name for the last word

// name is a policy's name: lane, verb and words between walls of two underscores. Names
// are unique in the account and hold only letters, digits and underscores (CreatePolicy
// API), so one that is too long, or that loses a character, ends in a hash of all of it.
// It then drops the platform, which its account serves alone, and clips the lane first.
func (l *lane) name(verb string, words ...string) string {
	exact := strings.Join(append([]string{l.Lane.Platform, l.Lane.Environment, l.Lane.Agent, l.Lane.Name, verb}, words...), "__")
	if legible(exact) == exact && len(exact) <= MaxName {
		return exact
	}
	sum := sha256.Sum256([]byte(exact))
	hash := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:10]
	what := clip(legible(verb+"_"+strings.Join(words, "_")), len(verb)+1+readable)
	where := clip(legible(l.Lane.Environment+"_"+l.Lane.Agent+"_"+l.Lane.Name), MaxName-len(what)-len(hash)-2)
	return where + "_" + what + "_" + hash
}

// legible replaces what a policy's name may not hold.
func legible(s string) string {
	s = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, s)
	if s[0] == '_' || '0' <= s[0] && s[0] <= '9' {
		s = "p" + s
	}
	return s
}

func clip(s string, length int) string { return strings.TrimRight(s[:min(length, len(s))], "_") }

package identity

import (
	"slices"
	"strings"

	"remit/terms"
)

// Mapping says how an issuer's claims name a user: three top-level claims, and what the
// values of one mean here. A value that is not in Map means nothing.
type Mapping struct {
	User      string
	Tenant    string
	Roles     string            // an array of strings, or one string
	Delimiter string            // stands between roles in one string; empty means the string is one role
	Map       map[string]string // the issuer's word → user role
}

// user reads a user, and fails when any of the three claims is missing or mistyped. A user
// without a mapped role is still a user: the RBAC check refuses, and says so.
func (m *Mapping) user(claims object) (terms.User, bool) {
	id, ok1 := claims.text(m.User)
	tenant, ok2 := claims.text(m.Tenant)
	words, ok3 := m.words(claims)
	if !ok1 || !ok2 || !ok3 || !isTenant(tenant) {
		return terms.User{}, false
	}
	u := terms.User{ID: id, Tenant: tenant}
	for _, word := range words {
		if role := m.Map[word]; role != "" && !slices.Contains(u.Roles, role) {
			u.Roles = append(u.Roles, role)
		}
	}
	return u, true
}

func (m *Mapping) words(claims object) ([]string, bool) {
	one, isString := claims[m.Roles].(string)
	if !isString {
		return claims.texts(m.Roles)
	}
	if m.Delimiter == "" {
		return []string{one}, true
	}
	words := strings.Split(one, m.Delimiter)
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
	}
	return words, true
}

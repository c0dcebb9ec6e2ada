package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// Key is a condition key. The zero Key is no key.
type Key struct {
	Name   string // "dynamodb:LeadingKeys"; a templated key keeps its template, "aws:PrincipalTag/${TagKey}"
	Type   string // "String", "ARN", "Numeric", "Bool", "Date", "IPAddress", or "ArrayOf" and String, ARN or Bool
	Global bool   // applies to every action. Not aws:RequestTag, aws:ResourceTag and aws:TagKeys: AWS documents them per action
}

// Condition finds a condition key as a policy writes it, in any case.
// "aws:PrincipalTag/tenant" finds "aws:PrincipalTag/${TagKey}". Of the keys of
// identity providers AWS publishes only some, and not
// token.actions.githubusercontent.com:sub or :aud: not to find a key that starts
// with a host name proves nothing.
func Condition(key string) (Key, bool) {
	ring := read().keys()
	key = strings.ToLower(key)
	if k, ok := ring.exact[key]; ok {
		return k, true
	}
	i := slices.IndexFunc(ring.templates, func(t template) bool { return covers(t.pattern, literal(key)) })
	if i < 0 {
		return Key{}, false
	}
	return ring.templates[i].key, true
}

// Accepts reports whether AWS documents the condition key for the action, for a
// resource type the action lists, or for every action. A key it does not accept
// should be absent from the request, where conditions on it never match, but
// negated ones (StringNotEquals) and ...IfExists always do. It is false for
// unknown actions and keys.
func Accepts(action, key string) bool {
	a, ok := Lookup(action)
	if !ok {
		return false
	}
	k, ok := Condition(key)
	if !ok {
		return false
	}
	if k.Global || has(a.Conditions, k) {
		return true
	}
	return slices.ContainsFunc(a.Resources, func(u Use) bool {
		r, _ := ResourceType(a.Service, u.Type)
		return has(u.Conditions, k) || has(r.Conditions, k)
	})
}

// has compares without case: services spell each other's keys differently.
func has(keys []string, k Key) bool {
	return slices.ContainsFunc(keys, func(name string) bool { return strings.EqualFold(name, k.Name) })
}

// keyring holds every condition key: by name in lower case, and the templated
// ones again as patterns, those that fix the most characters first.
type keyring struct {
	exact     map[string]Key
	templates []template
}

type template struct {
	pattern pattern
	key     Key
}

func unpackKeys(member []byte) keyring {
	var keys []Key
	unpack(member, &keys)
	ring := keyring{exact: make(map[string]Key, len(keys))}
	for _, k := range keys {
		lower := strings.ToLower(k.Name)
		ring.exact[lower] = k
		if strings.Contains(lower, "${") {
			p := parse(lower, func(string) pattern { return pattern{one, run} })
			ring.templates = append(ring.templates, template{p, k})
		}
	}
	slices.SortStableFunc(ring.templates, func(a, b template) int {
		return cmp.Compare(words(b.pattern), words(a.pattern))
	})
	return ring
}

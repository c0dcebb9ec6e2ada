package iam

import (
	"slices"
	"strings"
)

// caller is who makes a request, in the forms a Principal element may name.
type caller struct {
	Request
	role    ARN    // of a session; otherwise the principal itself
	account string // "" for services, providers and anonymous callers
	bounded bool   // it carries a permissions boundary
}

// naming is how a Principal element covers a caller, weakest first. A grant to the account
// only lets that account's own policies decide; one to a role is still cut by the role's
// boundary and session policies; one to a session, a user, a service or everyone is not
// (IAM User Guide, reference_policies_evaluation-logic_policy-eval-basics, "Resource-based
// policies"; access_policies_boundaries).
type naming uint8

const (
	byAccount naming = iota
	byRole
	directly
)

// named reports how a Principal element covers the caller, and how surely.
func (p Principals) named(c caller) (naming, truth) {
	how, found := byAccount, no
	note := func(by naming, t truth) {
		if t != no && (t > found || t == found && by > how) {
			how, found = by, t
		}
	}
	for _, who := range p.AWS {
		note(c.isNamed(who))
	}
	note(directly, listed(p.Service, c.Service))
	note(directly, listed(p.Federated, c.Provider))
	if len(p.Other) > 0 {
		note(directly, maybe) // canonical users stand for accounts that Remit cannot tell
	}
	return how, found
}

func listed(names []string, who string) truth {
	return isTrue(who != "" && slices.Contains(names, who))
}

// isNamed compares one entry of Principal.AWS with the caller. AWS allows no wildcard in
// it but "*" alone; an entry that AWS would not take is maybe.
func (c caller) isNamed(who string) (naming, truth) {
	switch {
	case who == "*":
		return directly, yes
	case c.Principal == "":
		return directly, no
	case isAccount(who):
		return byAccount, isTrue(who == c.account)
	case ARN(who).Part(5) == "root":
		return byAccount, isTrue(ARN(who).Account() == c.account)
	case ARN(who) == c.Principal && c.Principal == c.role && isRole(c.role):
		return byRole, yes
	case ARN(who) == c.Principal:
		return directly, yes
	case ARN(who) == c.role:
		return byRole, yes
	case !strings.HasPrefix(who, "arn:") || strings.ContainsAny(who, "*?"):
		return byRole, maybe
	}
	return byRole, no
}

// covers reports how surely the element speaks of the caller, NotPrincipal included. A
// NotPrincipal spares a caller only if every form of it is listed, account and all, and
// a Deny with NotPrincipal never spares one with a boundary (IAM User Guide,
// reference_policies_elements_notprincipal, access_policies_boundaries).
func (p Principals) covers(c caller, e Effect) (naming, truth) {
	how, found := p.named(c)
	if !p.Not {
		return how, found
	}
	if found == no || e == Deny && c.bounded {
		return directly, yes
	}
	return directly, p.spares(c).not()
}

func (p Principals) spares(c caller) truth {
	if c.Principal == "" || slices.Contains(p.AWS, "*") {
		_, found := p.named(c)
		return found
	}
	account := slices.ContainsFunc(p.AWS, func(who string) bool { by, t := c.isNamed(who); return by == byAccount && t == yes })
	itself := slices.Contains(p.AWS, string(c.Principal))
	role := slices.Contains(p.AWS, string(c.role))
	if account && itself && role {
		return yes
	}
	return maybe
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

func isRole(arn ARN) bool { return strings.HasPrefix(arn.Part(5), "role/") }

// roleOf is the role behind a session's ARN, without the path that such ARNs do not
// carry, or the ARN itself.
func roleOf(arn ARN) ARN {
	rest, isSession := strings.CutPrefix(arn.Part(5), "assumed-role/")
	if !isSession {
		return arn
	}
	name, _, _ := strings.Cut(rest, "/")
	return ARN("arn:" + arn.Part(1) + ":iam::" + arn.Account() + ":role/" + name)
}

// callerOf is who makes the request as far as the request itself tells. A session's role
// may have a path: aws:PrincipalArn states it.
func callerOf(r Request) caller {
	c := caller{Request: r, role: roleOf(r.Principal), account: r.Principal.Account()}
	if c.role == r.Principal {
		return c
	}
	for key, values := range r.Context {
		if strings.EqualFold(key, "aws:PrincipalArn") && len(values) == 1 {
			c.role = ARN(values[0])
		}
	}
	return c
}

// context is the request's context with the keys that follow from who calls. What follows
// wins over what the request states, so that no contradictory request can be decided
// (IAM User Guide, reference_policies_condition-keys).
func (c caller) context() keys {
	out := make(keys, len(c.Context)+4)
	for key, values := range c.Context {
		if len(values) > 0 {
			out[strings.ToLower(key)] = values
		}
	}
	switch {
	case c.Principal != "":
		out["aws:principalarn"] = []string{string(c.role)}
		out["aws:principalaccount"] = []string{c.account}
		out["aws:principalisawsservice"] = []string{"false"}
	case c.Service != "":
		out["aws:principalservicename"] = []string{c.Service}
		out["aws:principalisawsservice"] = []string{"true"}
	}
	return out
}

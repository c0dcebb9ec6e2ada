// Package iam is AWS access control as values: statements, documents, roles and
// the world they make together. It knows the grammar of IAM and how people read it;
// it knows no declaration, no CloudFormation and no AWS API.
//
// Start with [Statement], then [World]. What was intended and what was synthesized
// are both a World, so comparing them is [Diff]. [World.Text] prints one for people,
// [Document.JSON] prints one document for AWS. [World.Eval] decides one request and
// [World.Explain] says why; package proof decides for all requests.
//
// Zero values deny: a zero Statement denies nothing to nobody, a zero Document
// grants nothing, a zero Verdict is a refusal.
package iam

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"remit/terms"
)

// Effect says whether a statement allows. The zero value denies.
type Effect bool

// The two effects of a statement.
const (
	Deny  Effect = false
	Allow Effect = true
)

// String prints the effect as IAM spells it.
func (e Effect) String() string {
	if e == Allow {
		return "Allow"
	}
	return "Deny"
}

// Version is the only policy language version Remit writes. Documents of version
// 2008-10-17 have no policy variables (IAM User Guide, reference_policies_elements_version).
const Version = "2012-10-17"

// ARN is an Amazon resource name, possibly with wildcards, policy variables, or a
// symbol: <stack.LogicalId> stands for the physical name that CloudFormation will
// choose for that resource. Angle brackets cannot occur in a real ARN.
type ARN string

// Part returns segment i (0 is "arn", 4 the account, 5 the rest) or "".
func (a ARN) Part(i int) string {
	parts := strings.SplitN(string(a), ":", 6)
	if len(parts) != 6 {
		return ""
	}
	return parts[i]
}

// Account is the account segment, "" where there is none.
func (a ARN) Account() string { return a.Part(4) }

// Name is what follows the last slash or colon: a role's name without its path.
func (a ARN) Name() string {
	return string(a[strings.LastIndexAny(string(a), "/:")+1:])
}

// Match is a set of patterns. Not turns it into everything else, as NotAction and
// NotResource do. The zero Match names nothing.
type Match struct {
	Not bool
	Of  []string
}

// Of is a Match of the given patterns.
func Of(patterns ...string) Match { return Match{Of: patterns} }

// Principals says who a statement of a trust or resource policy speaks of. AWS holds
// account ids, role ARNs or "*"; Service holds service names; Federated holds identity
// providers; Other holds kinds Remit only carries (CanonicalUser). Zero is nobody.
type Principals struct {
	Not                            bool
	AWS, Service, Federated, Other []string
}

// IsZero reports whether nobody is named.
func (p Principals) IsZero() bool {
	return len(p.AWS)+len(p.Service)+len(p.Federated)+len(p.Other) == 0
}

// Condition is one operator applied to one key. Several values are alternatives, several
// conditions must all hold.
type Condition struct {
	Op, Key string
	Values  []string
}

// When is a condition in one line: When("StringEquals", "aws:SourceAccount", id).
func When(op, key string, values ...string) Condition {
	return Condition{Op: op, Key: key, Values: values}
}

// Statement is one permission or refusal. Sid is its handle in findings, waivers and
// snapshots: letters and digits only, unique in its document. Why is for people and is
// never sent to AWS. The zero Statement denies nothing to nobody.
type Statement struct {
	Sid, Why           string
	Effect             Effect
	Principals         Principals
	Actions, Resources Match
	When               []Condition
}

// Document is a list of statements. The zero Version is [Version]; the zero Document
// grants nothing.
type Document struct {
	Version    string
	Statements []Statement
}

// Doc is a document of the given statements.
func Doc(statements ...Statement) Document { return Document{Statements: statements} }

// Role is one IAM role with everything that decides what it can do. Policy is the union
// of its inline and customer-managed policies; Managed lists AWS-managed policy ARNs,
// whose text is not here. Session is the longest session, zero meaning IAM's default of
// one hour. From is the declaration line it exists for. A zero Boundary is no boundary.
type Role struct {
	ARN           ARN
	Boundary      ARN
	Trust, Policy Document
	Managed       []ARN
	Session       time.Duration
	From          terms.Pos
}

// Policy is a named document that stands by itself: a managed policy, or with Kind set
// the resource policy of ARN.
type Policy struct {
	ARN      ARN
	Kind     string // "managed", or the CloudFormation type the resource policy hangs on
	Document Document
	Account  string // for an ARN that states none, such as a bucket's
	From     terms.Pos
}

// account is where the policy lives.
func (p Policy) account() string { return cmp.Or(p.ARN.Account(), p.Account) }

// World is everything IAM that some templates or declarations amount to. Roles and
// Policies are in ARN order after [World.Canonical]; Controls are what an organization
// puts above them, and take part in evaluation only. The zero World lets nobody do
// anything.
type World struct {
	Roles     []Role
	Policies  []Policy
	Resources []Resource // what templates make besides; a world of grants alone has none
	Controls  []Control
}

// In is the part of the world that lives in one account.
func (w World) In(account string) World {
	var in World
	for _, r := range w.Roles {
		if r.ARN.Account() == account {
			in.Roles = append(in.Roles, r)
		}
	}
	for _, p := range w.Policies {
		if p.account() == account {
			in.Policies = append(in.Policies, p)
		}
	}
	for _, r := range w.Resources {
		if r.Account == account {
			in.Resources = append(in.Resources, r)
		}
	}
	for _, c := range w.Controls {
		if slices.Contains(c.Accounts, account) {
			in.Controls = append(in.Controls, c)
		}
	}
	return in
}

// Plus is all the worlds together, in canonical order.
func (w World) Plus(others ...World) World {
	all := World{Roles: slices.Clone(w.Roles), Policies: slices.Clone(w.Policies), Resources: slices.Clone(w.Resources), Controls: slices.Clone(w.Controls)}
	for _, other := range others {
		all.Roles = append(all.Roles, other.Roles...)
		all.Policies = append(all.Policies, other.Policies...)
		all.Resources = append(all.Resources, other.Resources...)
		all.Controls = append(all.Controls, other.Controls...)
	}
	return all.Canonical()
}

// Role finds a role by name, path ignored, because names are unique without it.
func (w World) Role(name string) (Role, bool) {
	for _, r := range w.Roles {
		if r.ARN.Name() == name {
			return r, true
		}
	}
	return Role{}, false
}

// Request is one call to decide: who, what, on which resource, and the context keys that
// the service would send. A key without values is absent; names of keys have no case.
//
// Exactly one of Principal, Service and Provider says who calls; none is an anonymous
// call. Principal is a role, a role session, a user or an account's root. Service is a
// service that calls for itself ("lambda.amazonaws.com"). Provider is the identity
// provider of an sts:AssumeRoleWithWebIdentity or WithSAML call. An action that AWS
// authorizes on two resources (a runtime and its endpoint) is two requests.
type Request struct {
	Principal         ARN
	Service, Provider string
	Action, Resource  string
	ResourceAccount   string     // owner of a Resource whose ARN states none, such as a bucket
	Session           []Document // session policies: what AssumeRole was called with
	Context           map[string][]string
}

// Verdict answers a Request. The zero value denies, and so does Unknown when it is
// enforced; a proof treats Unknown as a failure.
type Verdict uint8

// The three answers of an evaluation.
const (
	Denied Verdict = iota
	Allowed
	Unknown
)

// String prints the verdict in lower case.
func (v Verdict) String() string {
	return [...]string{"deny", "allow", "unknown"}[min(v, Unknown)]
}

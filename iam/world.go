package iam

import (
	"cmp"
	"slices"
	"strings"
)

// Eval decides one request over the whole world: identity, resource, boundary, session,
// service control and resource control policies, within and across accounts. The world is
// closed: a resource policy that is not in it does not exist. What cannot be known from
// it is Unknown: a principal whose policies are not here, an attached policy without its
// text, the trust of a role or the policy of a key that is not here, the owner of a bucket.
//
// Sources: IAM User Guide, reference_policies_evaluation-logic_policy-eval-denyallow,
// _policy-eval-basics and -cross-account.
func (w World) Eval(r Request) Verdict { return w.judge(r).truth().verdict() }

// layer is one kind of policy as it bears on a request.
type layer struct {
	name  string
	where ARN
	outcome
}

// judgement is everything that bears on a request, before it is weighed.
type judgement struct {
	caller
	exempt                      string // why no policy is asked
	layers                      []layer
	identity, boundary, session truth               // what the caller's own policies allow
	given                       [directly + 1]truth // what the resource's policy allows, by naming
	controls                    truth               // what the organization allows
	foreign                     truth               // the resource belongs to another account
	guarded                     bool                // the resource's own policy must allow: roles and keys
	unseen                      []string            // what the world does not hold
	owner                       string              // the resource's account
}

func (w World) judge(r Request) *judgement {
	j := &judgement{caller: callerOf(r), identity: no, boundary: yes, session: yes, controls: yes, owner: w.owner(r)}
	if strings.EqualFold(r.Action, "sts:GetCallerIdentity") {
		j.exempt = "sts:GetCallerIdentity needs no permission and cannot be denied"
		return j
	}
	role, known := w.behind(j.caller)
	if known {
		j.role, j.bounded = role.ARN, role.Boundary != ""
	}
	q := query{caller: j.caller, context: j.context()}
	if isAccount(j.owner) {
		q.context["aws:resourceaccount"] = []string{j.owner}
	}
	w.own(j, q, role, known)
	w.onResource(j, q)
	w.above(j, q)
	return j
}

// behind finds the role that calls, by its ARN or by the name a session carries.
func (w World) behind(c caller) (Role, bool) {
	session := c.role != c.Principal
	i := slices.IndexFunc(w.Roles, func(r Role) bool {
		return r.ARN == c.role || session && r.ARN.Account() == c.account && r.ARN.Name() == c.role.Name()
	})
	if i < 0 {
		return Role{}, false
	}
	return w.Roles[i], true
}

// own weighs the caller's own policies. An account's root user needs none.
func (w World) own(j *judgement, q query, role Role, known bool) {
	switch {
	case j.Principal == "":
		return
	case j.Principal.Part(5) == "root":
		j.identity = yes
	case !known:
		j.identity, j.boundary = maybe, maybe
		j.unseen = append(j.unseen, "the policies of "+string(j.Principal))
		j.layers = append(j.layers, layer{"identity", j.role, outcome{deny: maybe}})
	default:
		j.identity = w.identity(j, q, role)
		if role.Boundary != "" {
			j.boundary = w.attached(j, q, "boundary", role.Boundary)
		}
	}
	for _, d := range j.Session {
		o := d.outcome(q)
		j.layers = append(j.layers, layer{"session", j.Principal, o})
		j.session = all(j.session, o.allowed())
	}
}

func (w World) identity(j *judgement, q query, role Role) truth {
	o := role.Policy.outcome(q)
	j.layers = append(j.layers, layer{"identity", role.ARN, o})
	allowed := o.allowed()
	for _, arn := range role.Managed {
		allowed = some(allowed, w.attached(j, q, "identity", arn))
	}
	return allowed
}

// administrator is the one AWS managed policy whose text everyone knows.
var administrator = Doc(Statement{Sid: "AdministratorAccess", Effect: Allow, Actions: Of("*"), Resources: Of("*")})

// attached weighs a policy by its ARN: not to know its text is not to know what it allows
// or denies.
func (w World) attached(j *judgement, q query, name string, arn ARN) truth {
	d := administrator
	if arn.Part(5) != "policy/AdministratorAccess" || arn.Account() != "aws" {
		i := slices.IndexFunc(w.Policies, func(p Policy) bool { return p.ARN == arn && p.Kind == "managed" })
		if i < 0 {
			j.unseen = append(j.unseen, "the text of "+string(arn))
			j.layers = append(j.layers, layer{name, arn, outcome{deny: maybe}})
			return maybe
		}
		d = w.Policies[i].Document
	}
	o := d.outcome(q)
	j.layers = append(j.layers, layer{name, arn, o})
	return o.allowed()
}

// onResource weighs the policy that hangs on the resource, and says whose it is.
func (w World) onResource(j *judgement, q query) {
	switch j.owner {
	case j.account, "", "aws":
		j.foreign = no
	case unknownOwner:
		j.foreign = maybe
	default:
		j.foreign = yes
	}
	if strings.HasPrefix(strings.ToLower(j.Action), "sts:") && isRole(ARN(j.Resource)) {
		w.trust(j, q)
		return
	}
	found := false
	for _, p := range w.Policies {
		if p.Kind != "managed" && hangsOn(string(p.ARN), j.Resource) {
			found = true
			j.give(layer{"resource", p.ARN, p.Document.outcome(q)})
		}
	}
	if ARN(j.Resource).Part(2) == "kms" && strings.HasPrefix(ARN(j.Resource).Part(5), "key/") {
		j.guarded = true
		if !found {
			j.notSeen("the policy of " + j.Resource)
		}
	}
}

func (w World) trust(j *judgement, q query) {
	j.guarded = true
	i := slices.IndexFunc(w.Roles, func(r Role) bool { return string(r.ARN) == j.Resource })
	if i < 0 {
		j.notSeen("the trust of " + j.Resource)
		return
	}
	j.give(layer{"trust", w.Roles[i].ARN, w.Roles[i].Trust.outcome(q)})
}

func (j *judgement) give(l layer) {
	j.layers = append(j.layers, l)
	for i := range j.given {
		j.given[i] = some(j.given[i], l.allow[i])
	}
}

func (j *judgement) notSeen(what string) {
	j.unseen = append(j.unseen, what)
	j.give(layer{"resource", ARN(j.Resource), outcome{deny: maybe, allow: [directly + 1]truth{maybe, maybe, maybe}}})
}

// hangsOn reports whether a resource is the one named or a part of it: an object of a
// bucket, an index of a table, a version of a function.
func hangsOn(owner, resource string) bool {
	rest, ok := strings.CutPrefix(resource, owner)
	return ok && (rest == "" || rest[0] == '/' || rest[0] == ':')
}

const unknownOwner = "?"

// owner is the account of the request's resource: "" for what belongs to AWS or to no
// account, unknownOwner for a bucket that nothing here places.
func (w World) owner(r Request) string {
	resource := ARN(r.Resource)
	if account := resource.Account(); account != "" || r.ResourceAccount != "" {
		return cmp.Or(account, r.ResourceAccount)
	}
	for _, p := range w.Policies {
		if p.Kind != "managed" && p.Account != "" && hangsOn(string(p.ARN), r.Resource) {
			return p.Account
		}
	}
	if resource.Part(2) == "s3" {
		return unknownOwner
	}
	return ""
}

// above weighs what the organization says: every level must allow.
func (w World) above(j *judgement, q query) {
	for _, c := range w.Controls {
		if !c.binds(j) {
			continue
		}
		name, level := "SCP "+c.Level, no
		if c.Resource {
			name, level = "RCP "+c.Level, yes // RCPFullAWSAccess is always there
		}
		for _, d := range c.Documents {
			o := d.outcome(q)
			j.layers = append(j.layers, layer{name, "", o})
			level = some(level, o.allowed())
		}
		j.controls = all(j.controls, level)
	}
}

// truth weighs everything.
func (j *judgement) truth() truth {
	if j.exempt != "" {
		return yes
	}
	denied := no
	for _, l := range j.layers {
		denied = some(denied, l.deny)
	}
	own := all(j.identity, j.boundary, j.session)
	within := some(j.given[directly], all(j.given[byRole], j.boundary, j.session))
	if j.guarded {
		within = some(within, all(j.given[byAccount], own))
	} else {
		within = some(within, own)
	}
	across := all(own, some(j.given[:]...))
	if j.Principal == "" {
		within, across = j.given[directly], j.given[directly]
	}
	return all(denied.not(), j.controls, some(all(j.foreign.not(), within), all(j.foreign, across)))
}

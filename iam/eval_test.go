package iam

import (
	"slices"
	"strings"
	"testing"
)

// The tests follow the checklist of what an exact evaluation must honour; each names the
// page of the IAM User Guide it rests on.

const (
	us    ARN = "arn:aws:iam::111111111111:role/app"
	them  ARN = "arn:aws:iam::222222222222:role/app"
	ours      = "arn:aws:dynamodb:us-east-1:111111111111:table/t"
	other     = "arn:aws:dynamodb:us-east-1:222222222222:table/t"
	fence ARN = "arn:aws:iam::111111111111:policy/fence"
)

func may(action, resource string, when ...Condition) Statement {
	return Statement{Sid: "May", Effect: Allow, Actions: Of(action), Resources: Of(resource), When: when}
}

func mayNot(action, resource string, when ...Condition) Statement {
	return Statement{Sid: "MayNot", Actions: Of(action), Resources: Of(resource), When: when}
}

func (s Statement) by(who ...string) Statement {
	s.Principals = Principals{AWS: who}
	return s
}

func (s Statement) service(who string) Statement {
	s.Principals = Principals{Service: []string{who}}
	return s
}

// having is a world of one role with these statements, and what else is given.
func having(statements ...Statement) World {
	return World{Roles: []Role{{ARN: us, Policy: Doc(statements...)}}}
}

func (w World) on(resource string, statements ...Statement) World {
	w.Policies = append(w.Policies, Policy{ARN: ARN(resource), Kind: "AWS::Any", Document: Doc(statements...)})
	return w
}

func (w World) bounded(statements ...Statement) World {
	w.Roles[0].Boundary = fence
	w.Policies = append(w.Policies, Policy{ARN: fence, Kind: "managed", Document: Doc(statements...)})
	return w
}

func get(resource string, context ...string) Request {
	r := Request{Principal: us, Action: "dynamodb:GetItem", Resource: resource, Context: map[string][]string{}}
	for i := 0; i < len(context); i += 2 {
		r.Context[context[i]] = append(r.Context[context[i]], context[i+1])
	}
	return r
}

func verdict(t *testing.T, what string, w World, r Request, want Verdict) {
	t.Helper()
	if got := w.Eval(r); got != want {
		t.Errorf("%s: got %v, want %v\n%+v", what, got, want, w.Explain(r))
	}
}

// Row 1: reference_policies_evaluation-logic_policy-eval-denyallow.
func TestNothingIsAllowedByDefaultAndAnyDenyWins(t *testing.T) {
	verdict(t, "a role without statements", having(), get(ours), Denied)
	verdict(t, "an allow", having(may("dynamodb:*", "*")), get(ours), Allowed)
	verdict(t, "an allow and a deny", having(may("dynamodb:*", "*"), mayNot("dynamodb:GetItem", ours)), get(ours), Denied)
	verdict(t, "a deny in the resource's policy", having(may("*", "*")).on(ours, mayNot("*", ours).by("*")), get(ours), Denied)
	verdict(t, "a deny in the boundary", having(may("*", "*")).bounded(may("*", "*"), mayNot("dynamodb:*", "*")), get(ours), Denied)
}

// Row 2: reference_policies_evaluation-logic_policy-eval-basics.
func TestWithinAnAccountEitherPolicyAllows(t *testing.T) {
	verdict(t, "the resource's policy alone", having().on(ours, may("dynamodb:GetItem", ours).by(string(us))), get(ours), Allowed)
	verdict(t, "the caller's policy alone", having(may("dynamodb:GetItem", ours)).on(ours, may("dynamodb:PutItem", ours).by(string(us))), get(ours), Allowed)
	verdict(t, "neither", having().on(ours, may("dynamodb:GetItem", ours).by(string(them))), get(ours), Denied)
}

// Row 3: reference_policies_evaluation-logic-cross-account.
func TestAcrossAccountsBothSidesMustAllow(t *testing.T) {
	own, given := may("dynamodb:GetItem", other), may("dynamodb:GetItem", other).by(string(us))
	verdict(t, "both", having(own).on(other, given), get(other), Allowed)
	verdict(t, "only the caller's account", having(own), get(other), Denied)
	verdict(t, "only the resource's account", having().on(other, given), get(other), Denied)
	verdict(t, "an account principal is enough of the other side", having(own).on(other, may("*", other).by("111111111111")), get(other), Allowed)
}

func assume(role ARN) Request {
	return Request{Principal: us, Action: "sts:AssumeRole", Resource: string(role)}
}

// Row 4: roles and keys answer to their own policy even within the account.
func TestARoleOrKeyMustItselfAllow(t *testing.T) {
	const target ARN = "arn:aws:iam::111111111111:role/target"
	trusting := func(w World, s ...Statement) World {
		w.Roles = append(w.Roles, Role{ARN: target, Trust: Doc(s...)})
		return w
	}
	trust := Statement{Effect: Allow, Actions: Of("sts:AssumeRole")}
	own := may("sts:AssumeRole", string(target))
	verdict(t, "an identity policy alone opens a role", trusting(having(own), trust.by(string(them))), assume(target), Denied)
	verdict(t, "a trust that names the role", trusting(having(), trust.by(string(us))), assume(target), Allowed)
	verdict(t, "a trust that names the account only delegates", trusting(having(), trust.by("111111111111")), assume(target), Denied)
	verdict(t, "a trust that names the account, and the identity policy", trusting(having(own), trust.by("111111111111")), assume(target), Allowed)
	verdict(t, "a role that is not in the world", having(own), assume(target), Unknown)
	const key = "arn:aws:kms:us-east-1:111111111111:key/k"
	decrypt := Request{Principal: us, Action: "kms:Decrypt", Resource: key}
	verdict(t, "a key whose policy does not delegate", having(may("kms:*", "*")).on(key, may("kms:*", "*").by(string(them))), decrypt, Denied)
	verdict(t, "a key whose policy delegates", having(may("kms:*", "*")).on(key, may("kms:*", "*").by("arn:aws:iam::111111111111:root")), decrypt, Allowed)
	verdict(t, "a key whose policy is not in the world", having(may("kms:*", "*")), decrypt, Unknown)
}

// Row 5: an account, a role and a session are three principals.
func TestAnAccountARoleAndASessionAreNamedApart(t *testing.T) {
	const session = "arn:aws:sts::111111111111:assumed-role/app/s"
	r := get(ours)
	r.Principal = session
	for _, who := range []struct {
		name string
		want Verdict
	}{{string(us), Allowed}, {session, Allowed}, {"*", Allowed}, {"111111111111", Denied}, {"arn:aws:sts::111111111111:assumed-role/app/x", Denied}, {string(them), Denied}} {
		verdict(t, who.name+" is named, a session calls, and its own policies say nothing", having().on(ours, may("*", ours).by(who.name)), r, who.want)
	}
}

// A principal element that names a caller in several ways counts by the strongest.
func TestTheStrongestNamingCounts(t *testing.T) {
	session := get(ours)
	session.Principal = "arn:aws:sts::111111111111:assumed-role/app/s"
	for _, c := range []struct {
		name    string
		who     []string
		bounded bool
		want    Verdict
	}{
		{"the account, then the role", []string{"111111111111", string(us)}, false, Allowed},
		{"the role, then the account", []string{string(us), "111111111111"}, false, Allowed},
		{"the role, cut by a boundary, and the account", []string{string(us), "111111111111"}, true, Denied},
		{"the role, and the session that no boundary cuts", []string{string(us), string(session.Principal)}, true, Allowed},
		{"the session, and the role", []string{string(session.Principal), string(us)}, true, Allowed},
		{"the session, and what nobody can read", []string{string(session.Principal), "AROAEXAMPLE"}, true, Allowed},
		{"what nobody can read", []string{"AROAEXAMPLE"}, false, Unknown},
		{"a wildcard inside a principal", []string{"arn:aws:iam::111111111111:role/*"}, false, Unknown},
		{"another role and another account", []string{string(them), "222222222222"}, false, Denied},
	} {
		w := having().on(ours, may("*", ours).by(c.who...))
		if c.bounded {
			w = w.bounded(may("s3:*", "*"))
		}
		verdict(t, c.name, w, session, c.want)
	}
}

// Row 6: access_policies_boundaries.
func TestABoundaryCutsTheCallersOwnPoliciesAndGrantsToItsRole(t *testing.T) {
	verdict(t, "both allow", having(may("*", "*")).bounded(may("dynamodb:*", "*")), get(ours), Allowed)
	verdict(t, "the boundary is silent", having(may("*", "*")).bounded(may("s3:*", "*")), get(ours), Denied)
	verdict(t, "a boundary gives nothing", having().bounded(may("*", "*")), get(ours), Denied)
	verdict(t, "a grant to the role is cut", having().bounded(may("s3:*", "*")).on(ours, may("*", ours).by(string(us))), get(ours), Denied)
	r := get(ours)
	r.Principal = "arn:aws:sts::111111111111:assumed-role/app/s"
	verdict(t, "a grant to the session is not", having().bounded(may("s3:*", "*")).on(ours, may("*", ours).by(string(r.Principal))), r, Allowed)
	w := having(may("*", "*"))
	w.Roles[0].Boundary = fence
	verdict(t, "a boundary whose text is not in the world", w, get(ours), Unknown)
}

// Row 7: reference_policies_elements_notprincipal.
func TestNotPrincipalSparesOnlyWhomItNamesInFull(t *testing.T) {
	spare := func(who ...string) Statement {
		s := mayNot("*", ours).by(who...)
		s.Principals.Not = true
		return s
	}
	own := having(may("*", "*"))
	verdict(t, "another is spared", own.on(ours, spare(string(them))), get(ours), Denied)
	verdict(t, "spared with its account", own.on(ours, spare(string(us), "111111111111")), get(ours), Allowed)
	verdict(t, "spared without its account", own.on(ours, spare(string(us))), get(ours), Unknown)
	verdict(t, "a bounded caller is never spared", having(may("*", "*")).bounded(may("*", "*")).on(ours, spare(string(us), "111111111111")), get(ours), Denied)
}

// Row 8: access_policies.html, Session policies.
func TestASessionPolicyOnlyTakesAway(t *testing.T) {
	r := get(ours)
	r.Session = []Document{Doc(may("dynamodb:GetItem", ours))}
	verdict(t, "both allow", having(may("*", "*")), r, Allowed)
	verdict(t, "a session policy gives nothing", having(), r, Denied)
	r.Session = []Document{Doc(may("s3:*", "*"))}
	verdict(t, "the session policy is silent", having(may("*", "*")), r, Denied)
	verdict(t, "whoever asks who it is is told", having(), Request{Principal: us, Action: "sts:GetCallerIdentity", Resource: "*"}, Allowed)
}

// Row 9: orgs_manage_policies_scps.
func TestEveryLevelOfTheOrganizationMustAllow(t *testing.T) {
	level := func(name string, s ...Statement) Control {
		return Control{Level: name, Accounts: []string{"111111111111"}, Documents: []Document{Doc(s...)}}
	}
	w := having(may("*", "*"))
	w.Controls = []Control{level("root", may("*", "*")), level("ou", may("dynamodb:*", "*"))}
	verdict(t, "both levels allow", w, get(ours), Allowed)
	w.Controls[1] = level("ou", may("s3:*", "*"))
	verdict(t, "one level is silent", w, get(ours), Denied)
	w.Controls[1] = level("ou", may("*", "*"), mayNot("dynamodb:*", "*"))
	verdict(t, "one level denies", w, get(ours), Denied)
	r := get(ours)
	r.Principal = "arn:aws:iam::111111111111:root"
	verdict(t, "the account's root user is bound", w, r, Denied)
	linked := World{Roles: []Role{{ARN: "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/X", Policy: Doc(may("*", "*"))}}, Controls: w.Controls}
	r.Principal = linked.Roles[0].ARN
	verdict(t, "a service-linked role is not", linked, r, Allowed)
	w.Controls[1].Accounts = []string{"222222222222"}
	verdict(t, "another account's level does not bind", w, get(ours), Allowed)
}

// Row 10: orgs_manage_policies_rcps.
func TestAResourceControlBindsWhoeverTouchesTheAccount(t *testing.T) {
	w := having(may("*", "*")).on(other, may("*", other).by("111111111111"))
	w.Controls = []Control{{Resource: true, Level: "root", Accounts: []string{"222222222222"}, Documents: []Document{Doc(mayNot("dynamodb:*", "*").by("*"))}}}
	verdict(t, "a resource control denies", w, get(other), Denied)
	w.Controls[0].Documents = []Document{Doc(mayNot("s3:*", "*").by("*"))}
	verdict(t, "RCPFullAWSAccess is always there", w, get(other), Allowed)
	w.Controls[0].Documents = []Document{Doc(mayNot("*", "*").by("*"))}
	verdict(t, "a service that resource controls do not reach", having(may("*", "*")).with(w.Controls[0]), Request{Principal: us, Action: "bedrock-agentcore:InvokeGateway", Resource: "arn:aws:bedrock-agentcore:us-east-1:111111111111:gateway/g"}, Allowed)
}

func (w World) with(c Control) World {
	c.Accounts = append(c.Accounts, "111111111111")
	w.Controls = append(w.Controls, c)
	return w
}

// one evaluates one statement's match by a document of its own.
func one(t *testing.T, what string, s Statement, r Request, want Verdict) {
	t.Helper()
	if got := Doc(s).Eval(r); got != want {
		t.Errorf("%s: got %v, want %v\n%s\n%+v", what, got, want, Doc(s).JSON(), r)
	}
}

// Row 11: reference_policies_elements_action, _notaction.
func TestActionsHaveNoCaseAndNotActionAllowsTheRest(t *testing.T) {
	one(t, "other case", may("DynamoDB:getitem", "*"), get(ours), Allowed)
	one(t, "wildcards", may("dynamodb:G?t*", "*"), get(ours), Allowed)
	one(t, "? is one character", may("dynamodb:GetItem?", "*"), get(ours), Denied)
	rest := Statement{Effect: Allow, Actions: Match{Not: true, Of: []string{"iam:*"}}, Resources: Of("*")}
	one(t, "all but iam", rest, get(ours), Allowed)
	r := get(ours)
	r.Action = "IAM:CreateRole"
	one(t, "all but iam, asked of iam", rest, r, Denied)
	r.Action = "new:Action"
	one(t, "an action nobody knew", rest, r, Allowed)
}

// Rows 12 and 13: reference_policies_elements_resource, _notresource.
func TestResourcesHaveCaseAndWildcards(t *testing.T) {
	one(t, "other case", may("*", strings.ToUpper(ours)), get(ours), Denied)
	one(t, "a * at the end of a segment", may("*", "arn:aws:dynamodb:*:111111111111:table/*"), get(ours), Allowed)
	one(t, "a * that ends the ARN early runs past colons", may("*", "arn:aws:dynamodb:*"), get(ours), Allowed)
	one(t, "a * inside a segment, within it", may("*", "arn:aws:dynamodb:us-*-1:111111111111:table/t"), get(ours), Allowed)
	one(t, "a * inside a segment that would cross a colon", may("*", "arn:aws:dynamodb:us*1:table/t"), get(ours), Unknown)
	but := Statement{Effect: Allow, Actions: Of("*"), Resources: Match{Not: true, Of: []string{ours}}}
	one(t, "all but this", but, get(ours), Denied)
	one(t, "all but this, asked of another", but, get(other), Allowed)
	one(t, "an identity statement without a resource", Statement{Effect: Allow, Actions: Of("*")}, get(ours), Denied)
}

// Row 14: reference_policies_variables.
func TestVariablesTakeTheRequestsValues(t *testing.T) {
	const own = "arn:aws:dynamodb:us-east-1:111111111111:table/${aws:PrincipalTag/team}"
	one(t, "a variable", may("*", own), get(ours, "aws:PrincipalTag/team", "t"), Allowed)
	one(t, "its key in other case", may("*", own), get(ours, "aws:principaltag/team", "t"), Allowed)
	one(t, "another value", may("*", own), get(ours, "aws:PrincipalTag/team", "u"), Denied)
	one(t, "a value that looks like a wildcard is text", may("*", own), get(ours, "aws:PrincipalTag/team", "*"), Denied)
	one(t, "no value", may("*", own), get(ours), Denied)
	one(t, "several values", may("*", own), get(ours, "aws:PrincipalTag/team", "t", "aws:PrincipalTag/team", "u"), Unknown)
	one(t, "a default", may("*", strings.Replace(own, "team", "team, 't'", 1)), get(ours), Allowed)
	one(t, "a value goes before the default", may("*", strings.Replace(own, "team", "team, 't'", 1)), get(ours, "aws:PrincipalTag/team", "u"), Denied)
	but := Statement{Effect: Allow, Actions: Of("*"), Resources: Match{Not: true, Of: []string{own}}}
	one(t, "all but a variable without value", but, get(ours), Unknown)
	star := may("*", "*", When("StringLike", "s3:prefix", "${*}"))
	one(t, "an escaped * is a *", star, get(ours, "s3:prefix", "*"), Allowed)
	one(t, "an escaped * is nothing else", star, get(ours, "s3:prefix", "x"), Denied)
	one(t, "what is no variable", may("*", "arn:${Broken"), get(ours), Unknown)
	old := Document{Version: "2008-10-17", Statements: []Statement{may("*", own)}}
	if got := old.Eval(get(ours, "aws:PrincipalTag/team", "t")); got != Denied {
		t.Errorf("the old language has no variables: got %v", got)
	}
}

// Rows 15 to 19: reference_policies_elements_condition_operators,
// reference_policies_condition-single-vs-multi-valued-context-keys.
func TestConditions(t *testing.T) {
	for _, c := range []struct {
		name string
		when []Condition
		have []string
		want Verdict
	}{
		{"operators and keys are all needed", []Condition{When("StringEquals", "k:a", "x"), When("StringEquals", "k:b", "y")}, []string{"k:a", "x", "k:b", "z"}, Denied},
		{"values are alternatives", []Condition{When("StringEquals", "k:a", "x", "y")}, []string{"k:a", "y"}, Allowed},
		{"negated values are all excluded", []Condition{When("StringNotEquals", "k:a", "x", "y")}, []string{"k:a", "y"}, Denied},
		{"a positive operator misses an absent key", []Condition{When("StringEquals", "k:a", "x")}, nil, Denied},
		{"a negated operator holds of an absent key", []Condition{When("StringNotEquals", "k:a", "x")}, nil, Allowed},
		{"IfExists holds of an absent key", []Condition{When("StringEqualsIfExists", "k:a", "x")}, nil, Allowed},
		{"IfExists asks a present one", []Condition{When("StringEqualsIfExists", "k:a", "x")}, []string{"k:a", "y"}, Denied},
		{"Null true is an absent key", []Condition{When("Null", "k:a", "true")}, nil, Allowed},
		{"Null false is a present key", []Condition{When("Null", "k:a", "false")}, nil, Denied},
		{"Null true or false is always", []Condition{When("Null", "k:a", "true", "false")}, nil, Allowed},
		{"Null false or true is always", []Condition{When("Null", "k:a", "false", "true")}, nil, Allowed},
		{"Null of something else", []Condition{When("Null", "k:a", "perhaps")}, nil, Unknown},
		{"NullIfExists does not exist", []Condition{When("NullIfExists", "k:a", "true")}, nil, Unknown},
		{"ForAllValues holds of an absent key", []Condition{When("ForAllValues:StringEquals", "k:a", "x")}, nil, Allowed},
		{"ForAllValues, one value off", []Condition{When("ForAllValues:StringEquals", "k:a", "x")}, []string{"k:a", "x", "k:a", "y"}, Denied},
		{"ForAllValues with its guard", []Condition{When("ForAllValues:StringEquals", "k:a", "x"), When("Null", "k:a", "false")}, nil, Denied},
		{"ForAnyValue misses an absent key", []Condition{When("ForAnyValue:StringEquals", "k:a", "x")}, nil, Denied},
		{"ForAnyValue, one of two", []Condition{When("ForAnyValue:StringEquals", "k:a", "x")}, []string{"k:a", "y", "k:a", "x"}, Allowed},
		{"ForAnyValue negated, one is not", []Condition{When("ForAnyValue:StringNotEquals", "k:a", "x")}, []string{"k:a", "y", "k:a", "x"}, Allowed},
		{"ForAllValues negated, one is", []Condition{When("ForAllValues:StringNotEquals", "k:a", "x")}, []string{"k:a", "y", "k:a", "x"}, Denied},
		{"several values and a single operator", []Condition{When("StringEquals", "k:a", "x")}, []string{"k:a", "x", "k:a", "x"}, Unknown},
		{"names of keys have no case", []Condition{When("StringEquals", "K:A", "x")}, []string{"k:a", "x"}, Allowed},
		{"values have", []Condition{When("StringEquals", "k:a", "X")}, []string{"k:a", "x"}, Denied},
		{"unless IgnoreCase", []Condition{When("StringEqualsIgnoreCase", "k:a", "X")}, []string{"k:a", "x"}, Allowed},
		{"StringEquals takes * as a character", []Condition{When("StringEquals", "k:a", "x*")}, []string{"k:a", "xy"}, Denied},
		{"StringLike crosses slashes and colons", []Condition{When("StringLike", "k:a", "repo:org/*")}, []string{"k:a", "repo:org/a/b:ref:c"}, Allowed},
		{"an operator nobody knows", []Condition{When("StringMatches", "k:a", "x")}, []string{"k:a", "x"}, Unknown},
		{"an operator nobody knows beside one that fails", []Condition{When("StringMatches", "k:a", "x"), When("StringEquals", "k:b", "x")}, []string{"k:a", "x"}, Denied},
		{"ArnLike keeps to fields", []Condition{When("ArnLike", "k:a", "arn:aws:sns:*:1:t")}, []string{"k:a", "arn:aws:sns:us:x:1:t"}, Denied},
		{"ArnEquals reads wildcards", []Condition{When("ArnEquals", "k:a", "arn:aws:sns:*:1:t*")}, []string{"k:a", "arn:aws:sns:us:1:t:sub"}, Allowed},
		{"ArnNotLike holds of what is no ARN", []Condition{When("ArnNotLike", "k:a", "arn:aws:sns:*:1:t")}, []string{"k:a", "t"}, Allowed},
		{"a pattern that is no ARN", []Condition{When("ArnLike", "k:a", "*")}, []string{"k:a", "arn:aws:sns:us:1:t"}, Unknown},
		{"numbers are compared as numbers", []Condition{When("NumericLessThan", "k:a", "10")}, []string{"k:a", "9.5"}, Allowed},
		{"equal numbers written otherwise", []Condition{When("NumericEquals", "k:a", "1.0")}, []string{"k:a", "1"}, Allowed},
		{"a value that is no number", []Condition{When("NumericLessThan", "k:a", "10")}, []string{"k:a", "few"}, Unknown},
		{"dates in other zones", []Condition{When("DateEquals", "k:a", "2026-01-01T00:00:00Z")}, []string{"k:a", "2026-01-01T01:00:00+01:00"}, Allowed},
		{"dates as seconds", []Condition{When("DateLessThan", "k:a", "2026-01-01")}, []string{"k:a", "1700000000"}, Allowed},
		{"Bool", []Condition{When("Bool", "k:a", "true")}, []string{"k:a", "TRUE"}, Allowed},
		{"Bool of an absent key", []Condition{When("Bool", "k:a", "false")}, nil, Denied},
		{"BinaryEquals", []Condition{When("BinaryEquals", "k:a", "QUJD")}, []string{"k:a", "QUJD"}, Allowed},
		{"an address in a range", []Condition{When("IpAddress", "aws:SourceIp", "10.0.0.0/8")}, []string{"aws:SourceIp", "10.1.2.3"}, Allowed},
		{"an address outside", []Condition{When("NotIpAddress", "aws:SourceIp", "10.0.0.0/8")}, []string{"aws:SourceIp", "11.1.2.3"}, Allowed},
		{"an address of the other family", []Condition{When("IpAddress", "aws:SourceIp", "10.0.0.0/8")}, []string{"aws:SourceIp", "2001:db8::1"}, Denied},
		{"no address, as through a VPC endpoint", []Condition{When("NotIpAddress", "aws:SourceIp", "10.0.0.0/8")}, nil, Allowed},
		{"a range that is none", []Condition{When("IpAddress", "aws:SourceIp", "10.0.0.0/99")}, []string{"aws:SourceIp", "10.1.2.3"}, Unknown},
	} {
		one(t, c.name, may("*", "*", c.when...), get(ours, c.have...), c.want)
	}
}

// Row 16 in a Deny: the seeded defect of every second policy.
func TestADenyWithANegatedOperatorDeniesWhatStatesNoKey(t *testing.T) {
	d := Doc(may("*", "*"), mayNot("*", "*", When("StringNotEquals", "aws:PrincipalOrgID", "o-1")))
	if got := d.Eval(get(ours)); got != Denied {
		t.Errorf("a request without the key passes a deny that should catch it: %v", got)
	}
}

// Rows 22 and 23: services call for themselves; roles are passed to them.
func TestServicesAreCallersOfTheirOwn(t *testing.T) {
	const role ARN = "arn:aws:iam::111111111111:role/service"
	trust := Statement{Effect: Allow, Actions: Of("sts:AssumeRole"), When: []Condition{When("StringEquals", "aws:SourceAccount", "111111111111")}}.service("lambda.amazonaws.com")
	w := World{Roles: []Role{{ARN: role, Trust: Doc(trust)}}}
	r := Request{Service: "lambda.amazonaws.com", Action: "sts:AssumeRole", Resource: string(role), Context: map[string][]string{"aws:SourceAccount": {"111111111111"}}}
	verdict(t, "the service for this account", w, r, Allowed)
	r.Context = nil
	verdict(t, "a service that sends no such key", w, r, Denied)
	r.Service = "ec2.amazonaws.com"
	verdict(t, "another service", w, r, Denied)
	r.Service, r.Principal = "", us
	verdict(t, "a role where a service is trusted", World{Roles: append(w.Roles, Role{ARN: us})}, r, Denied)
	bucket := World{}.on("arn:aws:s3:::b", may("s3:PutObject", "arn:aws:s3:::b/*", When("Bool", "aws:PrincipalIsAWSService", "true")).by("*"))
	put := Request{Service: "delivery.logs.amazonaws.com", Action: "s3:PutObject", Resource: "arn:aws:s3:::b/x", ResourceAccount: "111111111111"}
	verdict(t, "everyone who is a service", bucket, put, Allowed)
	pass := may("iam:PassRole", string(role), When("StringEquals", "iam:PassedToService", "lambda.amazonaws.com"))
	ask := Request{Principal: us, Action: "iam:PassRole", Resource: string(role), Context: map[string][]string{"iam:PassedToService": {"lambda.amazonaws.com"}}}
	verdict(t, "a role passed to its service", having(pass), ask, Allowed)
	ask.Context["iam:PassedToService"] = []string{"ec2.amazonaws.com"}
	verdict(t, "a role passed to another", having(pass), ask, Denied)
}

// Row 24: someone an identity provider vouches for has no policies of their own.
func TestAProviderIsTrustedByName(t *testing.T) {
	const role, provider = "arn:aws:iam::111111111111:role/ci", "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"
	trust := Statement{Effect: Allow, Actions: Of("sts:AssumeRoleWithWebIdentity"), Principals: Principals{Federated: []string{provider}},
		When: []Condition{When("StringEquals", "token.actions.githubusercontent.com:sub", "repo:o/r:ref:refs/heads/main")}}
	w := World{Roles: []Role{{ARN: role, Trust: Doc(trust)}}}
	r := Request{Provider: provider, Action: "sts:AssumeRoleWithWebIdentity", Resource: role, Context: map[string][]string{"token.actions.githubusercontent.com:sub": {"repo:o/r:ref:refs/heads/main"}}}
	verdict(t, "the subject", w, r, Allowed)
	r.Context["token.actions.githubusercontent.com:sub"] = []string{"repo:o/r:pull_request"}
	verdict(t, "a pull request", w, r, Denied)
	r.Provider += ".evil"
	verdict(t, "another provider", w, r, Denied)
}

// Row 27: a bucket open to all is open to the anonymous.
func TestTheAnonymousAreCoveredByEveryoneOnly(t *testing.T) {
	ask := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x", ResourceAccount: "111111111111"}
	verdict(t, "everyone", World{}.on("arn:aws:s3:::b", may("*", "arn:aws:s3:::b/*").by("*")), ask, Allowed)
	verdict(t, "an account", World{}.on("arn:aws:s3:::b", may("*", "arn:aws:s3:::b/*").by("111111111111")), ask, Denied)
}

func TestEveryResourcePolicyOfAResourceIsAsked(t *testing.T) {
	const table, index = ours, ours + "/index/i"
	w := having(may("*", "*")).on(table, may("*", "*").by(string(us)), mayNot("dynamodb:Query", "*").by("*"))
	r := get(index)
	verdict(t, "an index is part of its table", having().on(table, may("*", "*").by(string(us))), r, Allowed)
	r.Action = "dynamodb:Query"
	verdict(t, "the table's deny reaches its index", w, r, Denied)
	r.Resource = ours + "2"
	verdict(t, "a table whose name begins alike is another", w, r, Allowed)
	bucket := having(may("*", "*"))
	bucket.Policies = []Policy{{ARN: "arn:aws:s3:::b", Kind: "AWS::S3::BucketPolicy", Account: "222222222222", Document: Doc(may("s3:GetObject", "arn:aws:s3:::b/*").by("111111111111"))}}
	read := Request{Principal: us, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x"}
	verdict(t, "another account's bucket, by its policy's account", bucket, read, Allowed)
	read.Action = "s3:PutObject"
	verdict(t, "another account's bucket that does not give it", bucket, read, Denied)
	model := Request{Principal: us, Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/m"}
	verdict(t, "a model of nobody's account", having(may("bedrock:*", "*")), model, Allowed)
	aws := Request{Principal: us, Action: "bedrock-agentcore:StartBrowserSession", Resource: "arn:aws:bedrock-agentcore:us-east-1:aws:browser/b"}
	verdict(t, "a browser that AWS owns", having(may("bedrock-agentcore:*", "*")), aws, Allowed)
}

func TestARootUserNeedsNoPolicyAndIsBoundByResources(t *testing.T) {
	r := get(ours)
	r.Principal = "arn:aws:iam::111111111111:root"
	verdict(t, "its own account", having(), r, Allowed)
	verdict(t, "a resource that denies it", having().on(ours, mayNot("*", ours).by("*")), r, Denied)
	r.Resource = other
	verdict(t, "another account's resource", having(), r, Denied)
}

func TestAPathDoesNotHideASessionsRole(t *testing.T) {
	w := World{Roles: []Role{{ARN: "arn:aws:iam::111111111111:role/a/b/app", Policy: Doc(may("*", "*", When("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::111111111111:role/a/b/app")))}}}
	r := get(ours)
	r.Principal = "arn:aws:sts::111111111111:assumed-role/app/s"
	verdict(t, "the session's ARN leaves the path out", w, r, Allowed)
	r.Principal = "arn:aws:sts::222222222222:assumed-role/app/s"
	verdict(t, "a role of that name in another account", w, r, Denied)
	r.Resource = other
	verdict(t, "a role of that name in another account, at home", w, r, Unknown)
	r.Principal, r.Resource = "arn:aws:sts::111111111111:assumed-role/other/s", ours
	verdict(t, "another role of the account", w, r, Unknown)
	r.Principal = "arn:aws:iam::111111111111:role/app"
	verdict(t, "a role of that name without the path", w, r, Unknown)
}

func TestPrincipalsOfOtherKinds(t *testing.T) {
	open := World{}.on("arn:aws:s3:::b", may("*", "arn:aws:s3:::b/*"))
	give := func(p Principals) World {
		w := open
		w.Policies = slices.Clone(open.Policies)
		w.Policies[0].Document = Doc(Statement{Effect: Allow, Actions: Of("*"), Resources: Of("arn:aws:s3:::b/*"), Principals: p})
		return w
	}
	anonymous := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x", ResourceAccount: "111111111111"}
	verdict(t, "a canonical user, whom nobody here can tell", give(Principals{Other: []string{"79a5"}}), anonymous, Unknown)
	verdict(t, "a service without a name is nobody", give(Principals{Service: []string{""}}), anonymous, Denied)
	verdict(t, "a provider without a name is nobody", give(Principals{Federated: []string{""}}), anonymous, Denied)
	user := get(ours)
	user.Principal = "arn:aws:iam::111111111111:user/u"
	verdict(t, "a user named by a resource, whose own policies are unseen and might deny", having().on(ours, may("*", ours).by(string(user.Principal))), user, Unknown)
}

// Row 28: a symbol is an ordinary part of an ARN, and only that one.
func TestASymbolIsOneResourceOfItsAccount(t *testing.T) {
	const symbol = "arn:aws:dynamodb:us-east-1:111111111111:table/<stack.Table>"
	verdict(t, "itself", having(may("*", symbol)), get(symbol), Allowed)
	verdict(t, "another", having(may("*", symbol)), get(ours), Denied)
}

func TestWhatIsNotInTheWorldIsUnknown(t *testing.T) {
	r := get(ours)
	r.Principal = "arn:aws:iam::111111111111:role/elsewhere"
	verdict(t, "a caller whose policies are not here", having(), r, Unknown)
	w := having(may("*", "*"))
	w.Roles[0].Managed = []ARN{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
	verdict(t, "an attached policy might deny", w, get(ours), Unknown)
	w.Roles[0].Managed = []ARN{"arn:aws:iam::aws:policy/AdministratorAccess"}
	w.Roles[0].Policy = Document{}
	verdict(t, "everyone knows what an administrator may do", w, get(ours), Allowed)
	w.Roles[0].Managed = []ARN{"arn:aws:iam::111111111111:policy/AdministratorAccess"}
	verdict(t, "a policy of the account that is only called so", w, get(ours), Unknown)
	w.Roles[0].Managed = []ARN{"arn:aws:iam::aws:policy/AdministratorAccess-Amplify"}
	verdict(t, "another policy of AWS", w, get(ours), Unknown)
	alias := Request{Principal: us, Action: "kms:CreateAlias", Resource: "arn:aws:kms:us-east-1:111111111111:alias/a"}
	verdict(t, "an alias has no policy of its own", having(may("kms:*", "*")), alias, Allowed)
	other := Request{Principal: us, Action: "x:Get", Resource: "arn:aws:x:us-east-1:111111111111:key/k"}
	verdict(t, "a key of another service", having(may("x:*", "*")), other, Allowed)
	bucket := Request{Principal: us, Action: "s3:GetObject", Resource: "arn:aws:s3:::somewhere/x"}
	verdict(t, "a bucket of nobody known", having(may("s3:*", "*")), bucket, Unknown)
	bucket.ResourceAccount = "111111111111"
	verdict(t, "a bucket of the caller's account", having(may("s3:*", "*")), bucket, Allowed)
}

func TestARequestCannotContradictWhoMakesIt(t *testing.T) {
	only := may("*", "*", When("ArnEquals", "aws:PrincipalArn", string(them)))
	one(t, "a context that claims to be another", only, get(ours, "aws:PrincipalArn", string(them)), Denied)
	one(t, "an account that is another's", may("*", "*", When("StringEquals", "aws:PrincipalAccount", "222222222222")), get(ours, "aws:PrincipalAccount", "222222222222"), Denied)
}

func TestExplainNamesWhatDecided(t *testing.T) {
	for _, c := range []struct {
		name, sentence string
		world          World
	}{
		{"a deny", "boundary denies it: MayNot", having(may("*", "*")).bounded(may("*", "*"), mayNot("*", "*"))},
		{"silence", "no statement of the caller's own policies allows it", having()},
		{"a boundary", "the boundary does not allow it", having(may("*", "*")).bounded()},
		{"an allow", "identity allows it: May", having(may("*", "*"))},
	} {
		reasons := c.world.Explain(get(ours))
		if len(reasons) == 0 || reasons[0].Sentence != c.sentence {
			t.Errorf("%s: want %q first, got %+v", c.name, c.sentence, reasons)
		}
	}
}

func TestPrintingNeverWidensASecondConditionOnAKey(t *testing.T) {
	for _, op := range []string{"StringLike", "StringNotLike", "ForAnyValue:StringLike"} {
		s := may("*", "*", When(op, "k:a", "a*"), When(op, "k:a", "*b"))
		printed, err := ParseDocument(Doc(s).JSON())
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{"ax", "xb", "ab", "x"} {
			r := get(ours, "k:a", value)
			if got, meant := printed.Eval(r), Doc(s).Eval(r); got == Allowed && meant != Allowed {
				t.Errorf("%s twice of one key: printed, it allows %q, which the statement does not\n%s", op, value, Doc(s).JSON())
			}
		}
	}
}

func TestAPatternAsksOnlyForWhatItNames(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Statement
		want bool
	}{
		{"nothing", Statement{}, true},
		{"the action", Statement{Actions: Of("dynamodb:Get*")}, true},
		{"another action", Statement{Actions: Of("s3:*")}, false},
		{"all but the action", Statement{Actions: Match{Not: true, Of: []string{"dynamodb:GetItem"}}}, false},
		{"the resource", Statement{Resources: Of(ours)}, true},
		{"another resource", Statement{Resources: Of(other)}, false},
		{"all but another resource", Statement{Resources: Match{Not: true, Of: []string{other}}}, true},
		{"all but no action", Statement{Actions: Match{Not: true}}, true},
		{"all but no resource", Statement{Resources: Match{Not: true}}, true},
		{"the caller", Statement{Principals: Principals{AWS: []string{string(us)}}}, true},
		{"another caller", Statement{Principals: Principals{AWS: []string{string(them)}}}, false},
		{"a condition that fails", Statement{When: []Condition{When("StringEquals", "k:a", "x")}}, false},
		{"a condition nobody can read", Statement{When: []Condition{When("StringMatches", "k:a", "x")}}, false},
	} {
		if got := c.s.Matches(get(ours)); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

func TestAnAccountsPartOfTheWorldKeepsWhatIsAboveIt(t *testing.T) {
	w := having(may("*", "*"))
	w.Controls = []Control{{Level: "root", Accounts: []string{"111111111111", "222222222222"}, Documents: []Document{Doc(mayNot("*", "*"))}}}
	verdict(t, "in its account", w.In("111111111111"), get(ours), Denied)
	verdict(t, "together with another world", w.Plus(World{}), get(ours), Denied)
	if in := w.In("333333333333"); len(in.Controls) != 0 {
		t.Errorf("a control over other accounts: %+v", in)
	}
}

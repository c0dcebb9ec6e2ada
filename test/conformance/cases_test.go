package conformance

import (
	"maps"
	"math/rand/v2"
	"slices"

	"remit/iam"
	"remit/iam/catalog"
)

// A case is one world and one request of it, small enough that its parts often meet. The
// two accounts are home, where the caller lives, and away.
const (
	home = "111111111111"
	away = "222222222222"
)

// subject is a resource with actions on it, and the keys that only those know.
type subject struct {
	arn, policy string // policy: what the resource policy hangs on
	in          []string
	actions     []string
	patterns    []string
	keys        []string
}

var subjects = []subject{
	{
		arn: "arn:aws:s3:::b/a/x", policy: "arn:aws:s3:::b", in: []string{home, away}, actions: []string{"s3:GetObject", "s3:PutObject"},
		patterns: []string{"*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a/x", "arn:aws:s3:::b/${aws:PrincipalTag/t}/*", "arn:aws:s3:::*/x", "arn:aws:s3:::b/?/x", "arn:aws:s3:::b", "arn:aws:s3:::b/${aws:PrincipalTag/t, 'a'}/x"},
		keys:     []string{"s3:ExistingObjectTag/t"},
	},
	{
		arn: "arn:aws:s3:::b", policy: "arn:aws:s3:::b", in: []string{home, away}, actions: []string{"s3:ListBucket"},
		patterns: []string{"*", "arn:aws:s3:::b", "arn:aws:s3:::?", "arn:aws:s3:::b/*"},
		keys:     []string{"s3:prefix", "s3:max-keys"},
	},
	{
		arn: "arn:aws:dynamodb:us-east-1:111111111111:table/t", in: []string{home}, actions: []string{"dynamodb:GetItem", "dynamodb:Query"},
		patterns: []string{"*", "arn:aws:dynamodb:us-east-1:111111111111:table/t", "arn:aws:dynamodb:*:111111111111:table/*", "arn:aws:dynamodb:us-east-1:*:table/?", "arn:aws:dynamodb:us-east-1:222222222222:table/t"},
		keys:     []string{"dynamodb:LeadingKeys"},
	},
	{
		arn: "arn:aws:dynamodb:us-east-1:222222222222:table/t", in: []string{away}, actions: []string{"dynamodb:GetItem"},
		patterns: []string{"*", "arn:aws:dynamodb:us-east-1:222222222222:table/t", "arn:aws:dynamodb:*:*:table/*"},
		keys:     []string{"dynamodb:LeadingKeys"},
	},
	{
		arn: "arn:aws:kms:us-east-1:111111111111:key/k", in: []string{home}, actions: []string{"kms:Decrypt"},
		patterns: []string{"*", "arn:aws:kms:us-east-1:111111111111:key/k"},
	},
	{
		arn: "arn:aws:iam::111111111111:role/x", in: []string{home}, actions: []string{"sts:AssumeRole"},
		patterns: []string{"*", "arn:aws:iam::111111111111:role/x", "arn:aws:iam::111111111111:role/*", "arn:aws:iam::*:role/x"},
		keys:     []string{"sts:ExternalId"},
	},
	{
		arn: "arn:aws:iam::222222222222:role/x", in: []string{away}, actions: []string{"sts:AssumeRole"},
		patterns: []string{"*", "arn:aws:iam::222222222222:role/x"},
		keys:     []string{"sts:ExternalId"},
	},
}

// operators are how a key may be asked, and with what values; values are what requests
// carry. The order matters to nobody but the seed.
var operators = []struct {
	key    string
	ops    []string
	wants  []string
	values []string
	set    bool
}{
	{"aws:PrincipalTag/t", texts, patterns, words, false},
	{"aws:PrincipalOrgID", texts, []string{"o-1", "o-*", "o-2"}, []string{"o-1", "O-1", "o-2"}, false},
	{"aws:SourceIp", []string{"IpAddress", "NotIpAddress", "IpAddressIfExists", "NotIpAddressIfExists"}, []string{"10.0.0.0/24", "10.0.0.1", "10.0.0.0/8", "2001:db8::/32"}, []string{"10.0.0.1", "10.0.1.0", "192.168.0.1", "2001:db8::1"}, false},
	{"aws:SecureTransport", []string{"Bool", "BoolIfExists"}, []string{"true", "false"}, []string{"true", "false"}, false},
	{"aws:CurrentTime", []string{"DateLessThan", "DateGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThanEqualsIfExists"}, []string{"2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z"}, []string{"2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2027-01-01T00:00:00Z"}, false},
	{"aws:SourceArn", []string{"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "ArnLikeIfExists", "StringLike"}, []string{"arn:aws:sns:us-east-1:111111111111:t", "arn:aws:sns:*:*:t", "arn:aws:sns:us-east-1:111111111111:*"}, []string{"arn:aws:sns:us-east-1:111111111111:t", "arn:aws:sns:us-east-1:222222222222:t:sub", "arn:aws:sqs:us-east-1:111111111111:t"}, false},
	{"aws:PrincipalAccount", texts, []string{home, away, "1*"}, nil, false},
	{"aws:PrincipalArn", []string{"ArnEquals", "ArnLike", "ArnNotLike", "StringLike", "StringNotEquals"}, []string{"arn:aws:iam::111111111111:role/r", "arn:aws:iam::*:role/*", "arn:aws:iam::111111111111:role/p/q"}, nil, false},
	{"aws:ResourceAccount", texts, []string{home, away}, nil, false},
	{"s3:prefix", texts, patterns, words, false},
	{"s3:ExistingObjectTag/t", texts, patterns, words, false},
	{"sts:ExternalId", texts, patterns, words, false},
	{"s3:max-keys", []string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEqualsIfExists"}, []string{"1", "10"}, []string{"0", "1", "5", "10", "11"}, false},
	{"dynamodb:LeadingKeys", []string{"ForAllValues:StringEquals", "ForAllValues:StringLike", "ForAnyValue:StringLike", "ForAnyValue:StringEquals", "ForAllValues:StringNotLike", "ForAnyValue:StringNotEquals", "ForAllValues:StringLikeIfExists"}, patterns, words, true},
}

var (
	texts    = []string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringEqualsIfExists", "StringNotLikeIfExists", "StringLikeIfExists"}
	patterns = []string{"a", "a*", "*b", "?", "*", "${aws:PrincipalTag/t}", "${aws:PrincipalTag/t, 'a'}*", "A", "a${*}"}
	words    = []string{"a", "b", "A", "ab", "a*", "a/b"}
)

// maker draws cases from one seed.
type maker struct{ *rand.Rand }

func (m maker) pick(from []string) string { return from[m.IntN(len(from))] }

// some draws one or two.
func (m maker) some(from []string) []string {
	out := []string{m.pick(from)}
	if m.IntN(3) == 0 {
		if other := m.pick(from); other != out[0] {
			out = append(out, other)
		}
	}
	return out
}

func (m maker) one(in int) bool { return m.IntN(in) == 0 }

type example struct {
	world   iam.World
	request iam.Request
	subject subject
	owner   string
}

func (m maker) example() example {
	s := subjects[m.IntN(len(subjects))]
	e := example{subject: s, owner: m.pick(s.in)}
	role := iam.Role{ARN: "arn:aws:iam::111111111111:role/r"}
	if m.one(4) {
		role.ARN = "arn:aws:iam::111111111111:role/p/q"
	}
	role.Policy = m.document(s, false)
	if m.one(4) {
		role.Boundary = "arn:aws:iam::111111111111:policy/boundary"
		e.world.Policies = append(e.world.Policies, iam.Policy{ARN: role.Boundary, Kind: "managed", Document: m.document(s, false)})
	}
	e.world.Roles = []iam.Role{role}
	e.request = m.request(s, role, e.owner)
	if m.one(6) {
		e.request.Session = []iam.Document{m.document(s, false)}
	}
	m.resource(&e)
	if m.one(6) {
		e.world.Controls = append(e.world.Controls, iam.Control{Level: "root", Accounts: []string{home}, Documents: []iam.Document{m.control(s)}})
	}
	return e
}

// resource gives the resource a policy: roles and keys always, others half the time.
func (m maker) resource(e *example) {
	target := iam.ARN(e.subject.arn)
	switch {
	case target.Part(2) == "iam":
		e.world.Roles = append(e.world.Roles, iam.Role{ARN: target, Trust: m.document(e.subject, true)})
	case target.Part(2) == "kms" || m.one(2):
		arn := target
		if e.subject.policy != "" {
			arn = iam.ARN(e.subject.policy)
		}
		e.world.Policies = append(e.world.Policies, iam.Policy{ARN: arn, Kind: "AWS::Any", Account: e.owner, Document: m.document(e.subject, true)})
	}
}

func (m maker) control(s subject) iam.Document {
	d := m.document(s, false)
	if m.one(2) {
		d.Statements = append(d.Statements, iam.Statement{Sid: "FullAWSAccess", Effect: iam.Allow, Actions: iam.Of("*"), Resources: iam.Of("*")})
	}
	return d
}

var who = []string{"*", home, "arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:role/r", "arn:aws:iam::111111111111:role/p/q", "arn:aws:sts::111111111111:assumed-role/r/s", "arn:aws:sts::111111111111:assumed-role/q/s", away, "arn:aws:iam::222222222222:role/r"}

func (m maker) document(s subject, resource bool) iam.Document {
	var d iam.Document
	for range 1 + m.IntN(2) {
		d.Statements = append(d.Statements, m.statement(s, resource))
	}
	return d
}

func (m maker) statement(s subject, resource bool) iam.Statement {
	out := iam.Statement{Effect: iam.Effect(!m.one(4))}
	service, _, _ := cut(s.actions[0])
	out.Actions = iam.Match{Not: m.one(10), Of: m.some(append([]string{"*", service + ":*", service + ":?*t*"}, s.actions...))}
	out.Resources = iam.Match{Not: m.one(10), Of: m.some(s.patterns)}
	if resource {
		out.Principals = iam.Principals{AWS: m.some(who)}
		if iam.ARN(s.arn).Part(2) == "iam" {
			out.Resources = iam.Match{}
		}
	}
	for range m.IntN(3) {
		if c, ok := m.condition(s); ok && !slices.ContainsFunc(out.When, func(o iam.Condition) bool { return o.Op == c.Op && o.Key == c.Key }) {
			out.When = append(out.When, c)
		}
	}
	return out
}

func (m maker) condition(s subject) (iam.Condition, bool) {
	o := operators[m.IntN(len(operators))]
	if !m.fits(s, o.key) {
		return iam.Condition{}, false
	}
	if m.one(8) {
		return iam.When("Null", o.key, m.pick([]string{"true", "false"})), true
	}
	return iam.When(m.pick(o.ops), o.key, m.some(o.wants)...), true
}

// fits reports whether AWS documents the key for the subject's first action: the engine
// drops others from requests.
func (m maker) fits(s subject, key string) bool {
	return slices.Contains(s.keys, key) || len(key) > 4 && key[:4] == "aws:" && catalog.Accepts(s.actions[0], key)
}

func (m maker) request(s subject, role iam.Role, owner string) iam.Request {
	r := iam.Request{Principal: role.ARN, Action: m.pick(s.actions), Resource: s.arn, ResourceAccount: owner, Context: map[string][]string{}}
	if m.one(2) {
		r.Principal = iam.ARN("arn:aws:sts::111111111111:assumed-role/" + role.ARN.Name() + "/s")
	}
	for _, o := range operators {
		if len(o.values) == 0 || !m.fits(s, o.key) || m.one(3) || !catalog.Accepts(r.Action, o.key) {
			continue
		}
		r.Context[o.key] = []string{m.pick(o.values)}
		if o.set {
			r.Context[o.key] = m.some(o.values)
		}
	}
	r.Context["aws:PrincipalArn"] = []string{string(role.ARN)}
	r.Context["aws:PrincipalAccount"] = []string{home}
	r.Context["aws:ResourceAccount"] = []string{owner}
	return r
}

func cut(action string) (service, name string, ok bool) {
	for i := range action {
		if action[i] == ':' {
			return action[:i], action[i+1:], true
		}
	}
	return action, "", false
}

// simulation is the case as the engine takes it.
func (e example) simulation() map[string]any {
	context := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(e.request.Context)) {
		values := e.request.Context[key]
		context[key] = values[0]
		if key == "dynamodb:LeadingKeys" {
			context[key] = values
		}
	}
	named := func(d iam.Document) []any { return []any{map[string]any{"name": "p", "policy": d.Value()}} }
	out := map[string]any{
		"request": map[string]any{
			"principal": e.request.Principal, "action": e.request.Action, "contextVariables": context,
			"resource": map[string]any{"resource": e.request.Resource, "accountId": e.owner},
		},
		"identityPolicies": named(e.world.Roles[0].Policy), "serviceControlPolicies": []any{}, "resourceControlPolicies": []any{},
	}
	for _, c := range e.world.Controls {
		out["serviceControlPolicies"] = []any{map[string]any{"orgIdentifier": c.Level, "policies": named(c.Documents[0])}}
	}
	for _, d := range e.request.Session {
		out["sessionPolicy"] = d.Value()
	}
	for _, p := range e.world.Policies {
		if p.Kind == "managed" {
			out["permissionBoundaryPolicies"] = named(p.Document)
		} else {
			out["resourcePolicy"] = p.Document.Value()
		}
	}
	for _, r := range e.world.Roles[1:] {
		out["resourcePolicy"] = r.Trust.Value()
	}
	return out
}

package proof

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"remit/iam"
)

// The pools are tiny and adversarial, so that random documents and random requests meet:
// prefixes of each other, wildcards of both kinds, variables, defaults, empty strings.
var pools = struct {
	actions, askedActions, resources, askedResources, values, patterns, who, callers, ips, nets, numbers []string
}{
	actions:        []string{"*", "s3:*", "s3:Get*", "s3:GetObject", "S3:getobject", "s3:Get?bject", "iam:PassRole"},
	askedActions:   []string{"s3:GetObject", "s3:GetItem", "s3:PutObject", "iam:PassRole", "s3:Get"},
	resources:      []string{"*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a", "arn:aws:s3:::b/a*", "arn:aws:s3:::*/a", "arn:aws:s3:::b/${aws:PrincipalTag/t}/*", "arn:aws:s3:::b/${aws:PrincipalTag/t, 'a'}", "arn:aws:s3:::?/a"},
	askedResources: []string{"arn:aws:s3:::b/a", "arn:aws:s3:::b/ab", "arn:aws:s3:::b/a/b", "arn:aws:s3:::c/a", "arn:aws:s3:::b/", "arn:aws:s3:::b/b/", "arn:aws:s3:::b:c/a"},
	values:         []string{"a", "b", "A", "a/b", "ab", ""},
	patterns:       []string{"a", "a*", "*b", "?", "*", "a/*", "${aws:PrincipalTag/t}", "${aws:PrincipalTag/t}*", "A"},
	who:            []string{"*", "111111111111", "arn:aws:iam::111111111111:role/r", "arn:aws:iam::222222222222:root", "arn:aws:iam::111111111111:role/p/r", "arn:aws:sts::111111111111:assumed-role/r/s", "AROAEXAMPLE"},
	callers:        []string{"arn:aws:iam::111111111111:role/r", "arn:aws:iam::222222222222:role/r", "arn:aws:iam::111111111111:role/p/r", "arn:aws:sts::111111111111:assumed-role/r/s", "arn:aws:sts::111111111111:assumed-role/r/x"},
	ips:            []string{"10.0.0.1", "10.0.0.255", "10.0.1.0", "192.168.0.1", "2001:db8::1"},
	nets:           []string{"10.0.0.0/24", "10.0.0.0/8", "10.0.0.1", "0.0.0.0/0", "2001:db8::/32"},
	numbers:        []string{"0", "1", "1.5", "2", "-1"},
}

func pick(t *rapid.T, from []string) string { return rapid.SampledFrom(from).Draw(t, "pick") }

func several(t *rapid.T, from []string, least int) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), least, 2, rapid.ID[string]).Draw(t, "several")
}

func match(t *rapid.T, from []string) iam.Match {
	return iam.Match{Not: rapid.IntRange(0, 5).Draw(t, "not") == 0, Of: several(t, from, 1)}
}

// keyed are the conditions a random document may have: which operators on which key, with
// values from which pool.
var keyed = []struct {
	key    string
	ops    []string
	values []string
}{
	{"aws:PrincipalTag/t", []string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringLikeIfExists", "StringNotEqualsIfExists"}, pools.patterns[:6]},
	{"s3:prefix", []string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringNotEqualsIgnoreCase", "StringLikeIfExists"}, pools.patterns},
	{"aws:TagKeys", []string{"ForAllValues:StringEquals", "ForAnyValue:StringLike", "ForAllValues:StringNotLike", "ForAnyValue:StringNotEquals", "ForAnyValue:StringEqualsIfExists"}, pools.patterns},
	{"aws:SourceIp", []string{"IpAddress", "NotIpAddress", "IpAddressIfExists"}, pools.nets},
	{"s3:max-keys", []string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals", "NumericLessThanEqualsIfExists"}, pools.numbers},
	{"aws:SecureTransport", []string{"Bool", "BoolIfExists"}, []string{"true", "false"}},
	{"aws:PrincipalAccount", []string{"StringEquals", "StringNotEquals", "StringLike"}, []string{"111111111111", "222222222222", "1*"}},
	{"aws:PrincipalIsAWSService", []string{"Bool", "BoolIfExists", "StringEquals"}, []string{"true", "false"}},
	{"aws:PrincipalServiceName", []string{"StringEquals", "StringNotEquals", "StringLikeIfExists"}, []string{"lambda.amazonaws.com", "*.amazonaws.com"}},
	{"aws:SourceAccount", []string{"StringEquals", "StringNotEquals", "StringLike", "StringEqualsIfExists"}, []string{"111111111111", "222222222222", "1*"}},
	{"aws:SourceArn", []string{"ArnLike", "ArnNotLike", "ArnLikeIfExists", "StringLike"}, []string{"arn:aws:sns:*:111111111111:*", "arn:aws:s3:::b", "arn:aws:sns:us-east-1:*:t"}},
	{"aws:PrincipalArn", []string{"ArnEquals", "ArnNotLike", "ArnLike", "StringLike"}, []string{"arn:aws:iam::*:role/r", "arn:aws:iam::111111111111:role/*", "arn:aws:iam::111111111111:role/r"}},
}

func condition(t *rapid.T) iam.Condition {
	k := rapid.SampledFrom(keyed).Draw(t, "key")
	if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
		return iam.When("Null", k.key, pick(t, []string{"true", "false"}))
	}
	return iam.When(pick(t, k.ops), k.key, several(t, k.values, 1)...)
}

func statement(t *rapid.T, resource bool) iam.Statement {
	s := iam.Statement{
		Effect:    iam.Effect(rapid.IntRange(0, 3).Draw(t, "deny") > 0),
		Actions:   match(t, pools.actions),
		Resources: match(t, pools.resources),
		When:      rapid.SliceOfN(rapid.Custom(condition), 0, 2).Draw(t, "when"),
	}
	if resource {
		s.Principals = iam.Principals{Not: rapid.IntRange(0, 7).Draw(t, "not") == 0, AWS: several(t, pools.who, 1)}
		if rapid.IntRange(0, 3).Draw(t, "service") == 0 {
			s.Principals.Service = []string{"lambda.amazonaws.com"}
		}
	}
	return s
}

func document(t *rapid.T) iam.Document {
	resource := rapid.IntRange(0, 2).Draw(t, "resource") == 0
	n := rapid.IntRange(1, 3).Draw(t, "statements")
	var d iam.Document
	for range n {
		d.Statements = append(d.Statements, statement(t, resource))
	}
	return d
}

func firstOf(list []string) string { return append(list, "")[0] }

func request(by *rand.Rand) iam.Request {
	pick := func(from []string) string { return from[by.IntN(len(from))] }
	r := iam.Request{
		Principal: iam.ARN(pick(pools.callers)), Action: pick(pools.askedActions), Resource: pick(pools.askedResources),
		Context: map[string][]string{},
	}
	switch by.IntN(8) {
	case 0:
		r.Principal, r.Service = "", pick([]string{"lambda.amazonaws.com", "ec2.amazonaws.com"})
	case 1:
		r.Principal, r.Provider = "", "idp.example"
	case 2:
		r.Principal = ""
	}
	if source := pick([]string{"", "arn:aws:sns:us-east-1:111111111111:t", "arn:aws:sns:us-east-1:222222222222:t", "arn:aws:s3:::b"}); source != "" {
		r.Context["aws:SourceArn"] = []string{source}
	}
	if account := iam.ARN(firstOf(r.Context["aws:SourceArn"])).Account(); by.IntN(2) == 0 {
		r.Context["aws:SourceAccount"] = []string{cmp.Or(account, pick([]string{"111111111111", "222222222222"}))}
	}
	for _, key := range []struct {
		name   string
		values []string
	}{
		{"aws:PrincipalTag/t", pools.values}, {"s3:prefix", pools.values}, {"aws:SourceIp", pools.ips},
		{"s3:max-keys", pools.numbers}, {"aws:SecureTransport", []string{"true", "false"}},
	} {
		if by.IntN(4) > 0 {
			r.Context[key.name] = []string{pick(key.values)}
		}
	}
	for range by.IntN(3) {
		r.Context["aws:TagKeys"] = append(r.Context["aws:TagKeys"], pick(pools.values))
	}
	return r
}

// question is a random search: mostly "is a within b", sometimes with two documents on
// either side, or asked of a part of the requests.
func question(t *rapid.T) Search {
	a, b := document(t), document(t)
	if rapid.Bool().Draw(t, "related") {
		b.Statements = append(b.Statements, a.Statements...)
	}
	s := Search{Within: []iam.Document{a}, Beyond: []iam.Document{b}}
	switch rapid.IntRange(0, 5).Draw(t, "shape") {
	case 0:
		s = Search{Within: []iam.Document{a, b}}
	case 1:
		s.Beyond = append(s.Beyond, document(t))
	case 2:
		s.Within = append(s.Within, document(t))
	case 3:
		s.Where = []iam.Statement{statement(t, false)}
	}
	return s
}

func (s Search) text() string {
	var b strings.Builder
	for _, part := range []struct {
		name string
		of   []iam.Document
	}{{"within", s.Within}, {"beyond", s.Beyond}, {"where", []iam.Document{iam.Doc(s.Where...)}}} {
		for _, d := range part.of {
			fmt.Fprintf(&b, "%s %s\n", part.name, d.JSON())
		}
	}
	return b.String()
}

// contradicts looks for what would break the law of the prover: what it proves, no request
// may break; what it refutes, its own witness must break.
func contradicts(s Search, by *rand.Rand, samples int) (what, how string) {
	answer := s.Run()
	switch {
	case answer.Yes:
		for range samples {
			if r := request(by); (s.namesCallers() || r.Principal != "") && s.shows(r) == nil {
				return "yes", "proved, yet a request breaks it: " + Sentence(r)
			}
		}
		return "yes", ""
	case answer.Witness != nil:
		if err := s.shows(*answer.Witness); err != nil {
			return "no", fmt.Sprintf("refuted with a request that shows nothing: %s: %v", Sentence(*answer.Witness), err)
		}
		return "no", ""
	case answer.Why == "":
		return "unknown", "unknown without a reason"
	}
	return "unknown", ""
}

func TestNoSampleContradictsAProof(t *testing.T) {
	count := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := question(t)
		what, how := contradicts(s, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), 500)
		if count[what]++; how != "" {
			t.Fatalf("%s\n%s", how, s.text())
		}
	})
	t.Logf("%v", count)
	if count["yes"] == 0 || count["no"] == 0 {
		t.Errorf("the pools no longer reach both answers: %v", count)
	}
}

// TestTheSameQuestionsAreAnsweredAsEver asks questions that do not change from run to run,
// and counts the answers: fewer of either kind is a prover that decides less.
func TestTheSameQuestionsAreAnsweredAsEver(t *testing.T) {
	questions, count := rapid.Custom(question), map[string]int{}
	by := rand.New(rand.NewPCG(7, 1))
	for seed := range 400 {
		s := questions.Example(seed)
		what, how := contradicts(s, by, 100)
		if count[what]++; how != "" {
			t.Errorf("%s\n%s", how, s.text())
		}
	}
	if want := map[string]int{"yes": 194, "no": 174, "unknown": 32}; !maps.Equal(count, want) {
		t.Errorf("got %v, want %v", count, want)
	}
}

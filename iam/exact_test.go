package iam

import (
	"slices"
	"strings"
	"testing"
)

// The tests of this file stand at the edges of what is read and decided: one step on either
// side is another answer.

// alone decides a request by one document.
func alone(t *testing.T, what string, d Document, r Request, want Verdict) {
	t.Helper()
	if got := d.Eval(r); got != want {
		t.Errorf("%s: got %v, want %v by %s", what, got, want, d.JSON())
	}
}

func TestASessionsRoleIsTheOneThatAWSStatesAlone(t *testing.T) {
	d := Doc(may("*", ours).by("arn:aws:iam::111111111111:role/a/app"))
	r := get(ours, "aws:PrincipalArn", "arn:aws:iam::111111111111:role/a/app", "aws:SourceIp", "192.0.2.1")
	r.Principal = "arn:aws:sts::111111111111:assumed-role/app/s"
	alone(t, "the role on its path", d, r, Allowed)
	r.Context["aws:PrincipalArn"] = append(r.Context["aws:PrincipalArn"], "x")
	alone(t, "a role stated twice is none", d, r, Denied)
}

func TestAnAccountIsTwelveDigits(t *testing.T) {
	for who, want := range map[string]Verdict{"111111111111": Allowed, "222222222222": Denied, "11111111111": Unknown, "1111111111111": Unknown, "11111111111a": Unknown, "deadbeefdead": Unknown} {
		alone(t, who, Doc(may("*", ours).by(who)), get(ours), want)
	}
}

func TestNotPrincipalWithEveryoneOrAServiceSparesThem(t *testing.T) {
	d := Doc(may("*", "*"), Statement{Actions: Of("*"), Resources: Of("*"), Principals: Principals{Not: true, AWS: []string{"*"}}})
	alone(t, "everyone is spared", d, get(ours), Allowed)
	d.Statements[1].Principals = Principals{Not: true, Service: []string{"lambda.amazonaws.com"}}
	alone(t, "a service is spared whole, because it has no account", d, Request{Service: "lambda.amazonaws.com", Action: "a:b", Resource: ours}, Allowed)
	alone(t, "another service is not", d, Request{Service: "events.amazonaws.com", Action: "a:b", Resource: ours}, Denied)
}

func TestEveryStatementOfADocumentIsReadToTheEnd(t *testing.T) {
	alone(t, "an allow after one of something else", Doc(may("s3:*", "*"), may("dynamodb:*", "*")), get(ours), Allowed)
	alone(t, "a denial after one of something else", Doc(may("*", "*"), mayNot("s3:*", "*"), mayNot("dynamodb:*", "*")), get(ours), Denied)
	alone(t, "wildcards that do not fit are no doubt", Doc(may("*", "arn:aws:s3:::*")), get(ours), Denied)
}

func TestEveryLevelIsAskedAndOnlyThoseAbove(t *testing.T) {
	elsewhere := Control{Level: "elsewhere", Accounts: []string{"999999999999"}, Documents: []Document{Doc()}}
	closed := Control{Level: "root", Accounts: []string{"111111111111"}, Documents: []Document{Doc()}}
	w := having(may("*", "*"))
	w.Controls = []Control{elsewhere}
	verdict(t, "a level over other accounts", w, get(ours), Allowed)
	w.Controls = append(w.Controls, closed)
	verdict(t, "a level above, after one that is not", w, get(ours), Denied)
	w.Controls = []Control{{Resource: true, Level: "root", Accounts: []string{"222222222222"}, Documents: []Document{Doc(mayNot("*", "*").by("*"))}}}
	verdict(t, "a resource policy over another account's things", w, get(ours), Allowed)
	w.Controls[0].Accounts = []string{"111111111111"}
	verdict(t, "one over these things", w, get(ours), Denied)
	r := get(ours)
	r.Action, r.Resource = "ec2:RunInstances", "arn:aws:ec2:us-east-1:111111111111:instance/i"
	verdict(t, "one over a service that has none", w, r, Allowed)
}

func TestAnAttachedPolicyIsFoundByItsOwnARNAndKind(t *testing.T) {
	const attached ARN = "arn:aws:iam::111111111111:policy/p"
	w := World{Roles: []Role{{ARN: us, Managed: []ARN{attached}}}, Policies: []Policy{
		{ARN: "arn:aws:iam::111111111111:policy/another", Kind: "managed", Document: Doc()},
		{ARN: attached, Kind: "managed", Document: Doc(may("*", "*"))},
	}}
	verdict(t, "another managed policy comes first", w, get(ours), Allowed)
	w.Policies[1].Kind = "AWS::S3::Bucket"
	verdict(t, "what hangs on a resource of that name is no attached policy", w, get(ours), Unknown)
}

func TestABucketIsWhoseItsOwnPolicySays(t *testing.T) {
	read := Request{Principal: us, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x"}
	w := having(may("*", "*"))
	mine := Policy{ARN: "arn:aws:s3:::b", Kind: "AWS::S3::Bucket", Account: "111111111111"}
	for name, others := range map[string][]Policy{
		"another bucket comes first":    {{ARN: "arn:aws:s3:::c", Kind: "AWS::S3::Bucket", Account: "222222222222"}},
		"a managed policy comes first":  {{ARN: "arn:aws:s3:::b", Kind: "managed", Account: "222222222222"}},
		"a policy of nobody's is first": {{ARN: "arn:aws:s3:::b", Kind: "AWS::S3::BucketPolicy"}},
	} {
		w.Policies = append(slices.Clone(others), mine)
		verdict(t, name, w, read, Allowed)
	}
	w.Policies = nil
	verdict(t, "nothing places it", w, read, Unknown)
}

func TestNumbersAreComparedOnBothSidesOfTheirBound(t *testing.T) {
	for op, want := range map[string]string{
		"NumericEquals": "-+-", "NumericNotEquals": "+-+", "NumericLessThan": "+--", "NumericLessThanEquals": "++-", "NumericGreaterThan": "--+", "NumericGreaterThanEquals": "-++",
		"DateEquals": "-+-", "DateNotEquals": "+-+", "DateLessThan": "+--", "DateLessThanEquals": "++-", "DateGreaterThan": "--+", "DateGreaterThanEquals": "-++",
	} {
		got := ""
		for _, value := range []string{"19999", "20000", "20001"} {
			got += map[Verdict]string{Allowed: "+", Denied: "-", Unknown: "?"}[Doc(may("*", "*", When(op, "k:n", "20000"))).Eval(get(ours, "k:n", value))]
		}
		if got != want {
			t.Errorf("%s of less, the same and more: %s, want %s", op, got, want)
		}
	}
}

func TestWhatIsNoNumberDateOrAddressIsUnknown(t *testing.T) {
	for _, c := range []struct {
		op, want, have string
		verdict        Verdict
	}{
		{"NumericEquals", "1", "1.0", Allowed},
		{"NumericEquals", "1", "1e0", Unknown},
		{"NumericEquals", "1", "0x1", Unknown},
		{"NumericEquals", "1", "2/2", Unknown},
		{"NumericEquals", "1", ".", Unknown},
		{"NumericEquals", "1", "", Unknown},
		{"NumericEquals", strings.Repeat("1", 64), strings.Repeat("1", 64), Allowed},
		{"NumericEquals", strings.Repeat("1", 65), strings.Repeat("1", 65), Unknown},
		{"DateEquals", "1970-01-01T02:46:40Z", "10000", Allowed},
		{"DateEquals", "1999", "1999-01-01", Allowed},
		{"DateEquals", "999", "999", Unknown},
		{"DateEquals", "yesterday", "yesterday", Unknown},
		{"IpAddress", "192.0.2.1", "192.0.2.1", Allowed},
		{"IpAddress", "192.0.2.1", "192.0.2.2", Denied},
		{"IpAddress", "192.0.2.0/24", "192.0.2.2", Allowed},
		{"IpAddress", "2001:db8::1", "2001:db8::1", Allowed},
		{"IpAddress", "192.0.2.0/24", "home", Unknown},
		{"IpAddress", "fe80::/10", "fe80::1%eth0", Unknown},
		{"IpAddress", "fe80::1%eth0", "fe80::1", Unknown},
		{"IpAddress", "home", "192.0.2.1", Unknown},
	} {
		alone(t, c.op+" "+c.want+" of "+c.have, Doc(may("*", "*", When(c.op, "k:n", c.want))), get(ours, "k:n", c.have), c.verdict)
	}
}

func TestEveryOperatorPrintsAsItWasWritten(t *testing.T) {
	for name, op := range operators {
		for _, prefix := range []string{"", "ForAllValues:", "ForAnyValue:"} {
			for _, suffix := range []string{"", "IfExists"} {
				if op.Kind == Presence && prefix+suffix != "" {
					continue
				}
				read, err := ParseOperator(prefix + name + suffix)
				if err != nil || read.String() != prefix+name+suffix {
					t.Errorf("%s%s%s reads as %s, %v", prefix, name, suffix, read, err)
				}
			}
		}
	}
}

func TestVariablesAreReadToTheirEnd(t *testing.T) {
	for text, c := range map[string]struct {
		tag  string
		want Verdict
	}{
		"${aws:PrincipalTag/t}/tail": {"a", Allowed},
		"${aws:PrincipalTag/t}/tai":  {"a", Denied},
		"${aws:PrincipalTag/t}":      {"a/tail", Allowed},
		"${a:b, 'a/tail'}":           {"", Allowed},
		"a${a:b, ''}/tail":           {"", Allowed},
		"${aws:PrincipalTag/t":       {"a", Unknown},
		"a/tail${*":                  {"", Unknown},
		"${a:b, 'a/tail}":            {"", Unknown},
		"${a:b, a/tail'}":            {"", Unknown},
		"${a:b, '}":                  {"", Unknown},
		"${a:b,}":                    {"", Unknown},
		"${:b, 'a/tail'}":            {"", Unknown},
		"${b, 'a/tail'}":             {"", Unknown},
		"a/tail${*}":                 {"", Denied},
	} {
		r := get(ours, "k:v", "a/tail")
		if c.tag != "" {
			r.Context["aws:PrincipalTag/t"] = []string{c.tag}
		}
		alone(t, text, Doc(may("*", "*", When("StringLike", "k:v", text))), r, c.want)
	}
	alone(t, "nothing is like nothing", Doc(may("*", "*", When("StringLike", "k:v", ""))), get(ours, "k:v", ""), Allowed)
	alone(t, "something is not", Doc(may("*", "*", When("StringLike", "k:v", ""))), get(ours, "k:v", "a"), Denied)
}

func TestAnARNOfTooFewFieldsSaysHowMany(t *testing.T) {
	for text, want := range map[string]string{"arn:aws:iam": "it has 3 of 6 fields", "arn:${aws:PrincipalTag/t}": "it has 2 of 6 fields"} {
		if _, err := ParsePattern(text, Version, SixFields); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestPrincipalsOfAnyKindAreSomebody(t *testing.T) {
	x := []string{"x"}
	for name, p := range map[string]Principals{
		"an account": {AWS: x}, "a service": {Service: x}, "a provider": {Federated: x}, "a canonical user": {Other: x},
		"an account and a service": {AWS: x, Service: x}, "an account and a provider": {AWS: x, Federated: x}, "an account and a canonical user": {AWS: x, Other: x},
		"a service and a provider": {Service: x, Federated: x}, "a service and a canonical user": {Service: x, Other: x}, "a provider and a canonical user": {Federated: x, Other: x},
	} {
		if p.IsZero() {
			t.Errorf("%s is taken for nobody named, which is everybody", name)
		}
		p.AWS = []string{"*"}
		if back, err := principals(p.value()); err != nil || !slices.Equal(back.AWS, p.AWS) || !slices.Equal(back.Service, p.Service) || !slices.Equal(back.Federated, p.Federated) || !slices.Equal(back.Other, p.Other) {
			t.Errorf("%s beside everyone is printed as %v, which reads as %v, %v", name, p.value(), back, err)
		}
	}
}

func TestADocumentPrintsWhatItHolds(t *testing.T) {
	for want, s := range map[string]Statement{
		`{"Effect":"Deny"}`: {},
		`{"Condition":{"StringNotEquals":{"k":["a","b"]}},"Effect":"Deny"}`:                                                    {When: []Condition{When("StringNotEquals", "k", "a"), When("StringNotEquals", "k", "b")}},
		`{"Condition":{"Bool":{"z":["true"]},"StringEquals":{"k":["a"]},"StringEquals and also":{"k":["b"]}},"Effect":"Deny"}`: {When: []Condition{When("StringEquals", "k", "a"), When("StringEquals", "k", "b"), When("Bool", "z", "true")}},
		`{"Condition":{"Bool":{"l":["true"]},"Odd":{"k":["a"]},"Odd and also":{"k":["b"]}},"Effect":"Deny"}`:                   {When: []Condition{When("Odd", "k", "a"), When("Odd", "k", "b"), When("Bool", "l", "true")}},
	} {
		d := Doc(s)
		if got := string(d.JSON()); got != `{"Statement":[`+want+`],"Version":"2012-10-17"}` {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestADocumentOfTheLargestSizeIsReadAndNoLarger(t *testing.T) {
	text := `{"Statement":[]}`
	if _, err := ParseDocument([]byte(text + strings.Repeat(" ", MaxDocument-len(text)))); err != nil {
		t.Errorf("a document of the largest size: %v", err)
	}
	if _, err := ParseDocument([]byte(text + strings.Repeat(" ", MaxDocument-len(text)+1))); err == nil {
		t.Error("a larger one is read")
	}
}

func TestADifferenceSaysWhatIsMissingAndWhatIsTooMuch(t *testing.T) {
	where := ARN("arn:aws:iam::111111111111:role/r")
	got := Report([]Difference{{where, "boundary", "a", "b"}, {where, "role", "a", ""}, {where, "role", "", "b"}})
	want := `arn:aws:iam::111111111111:role/r: boundary differs:
  want a
  have b
arn:aws:iam::111111111111:role/r: role is missing: want a
arn:aws:iam::111111111111:role/r: role was not intended: have b
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := Report(nil); got != "equal, statement for statement\n" {
		t.Errorf("no difference reads %q", got)
	}
}

func TestEachRepeatedStatementAndAnOlderLanguageAreNamed(t *testing.T) {
	w := World{Policies: []Policy{{ARN: fence, Kind: "managed", Document: Document{Version: "2008-10-17", Statements: []Statement{may("a:b", "*"), may("a:c", "*"), may("a:d", "*")}}}}}
	var got []string
	for _, d := range Diff(World{Policies: []Policy{{ARN: fence, Kind: "managed"}}}, w) {
		got = append(got, d.What)
		if d.What == "document version" && (d.Want != "" || d.Have != "2008-10-17") {
			t.Errorf("the older language is not what differs: %v", d)
		}
	}
	want := []string{"document statement May", "document statement May again", "document statement May again again", "document version"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnAccountsPartIsItsOwnAndWholly(t *testing.T) {
	w := World{
		Roles:     []Role{{ARN: us}, {ARN: them}},
		Policies:  []Policy{{ARN: fence}, {ARN: "arn:aws:s3:::b", Account: "222222222222"}},
		Resources: []Resource{{ARN: "arn:aws:s3:::a", Account: "111111111111", Type: "A"}, {ARN: "arn:aws:s3:::b", Account: "222222222222", Type: "B"}},
	}
	in := w.In("222222222222")
	if len(in.Roles) != 1 || in.Roles[0].ARN != them || len(in.Policies) != 1 || in.Policies[0].ARN != "arn:aws:s3:::b" || len(in.Resources) != 1 || in.Resources[0].Type != "B" {
		t.Errorf("got %+v", in)
	}
	if r, found := w.Role("nobody"); found || r.ARN != "" {
		t.Errorf("nobody is found: %v", r)
	}
	if _, found := w.Role("app"); !found {
		t.Error("a role is not found by its name")
	}
	if of := w.Of("B"); len(of) != 1 || of[0].ARN != "arn:aws:s3:::b" {
		t.Errorf("resources of one type: %v", of)
	}
}

func TestAResourceSaysWhatItSetsAndWhatNobodyRead(t *testing.T) {
	r := Resource{Settings: map[string][]string{"Mode": {"ENFORCE"}, "Many": {"a", "b"}}, Unread: []string{"Policy.Arn"}}
	if r.Setting("Mode") != "ENFORCE" || r.Setting("Many") != "" || r.Setting("None") != "" {
		t.Errorf("settings: %q %q %q", r.Setting("Mode"), r.Setting("Many"), r.Setting("None"))
	}
	for path, want := range map[string]bool{"Policy.Arn": true, "Policy": true, "Policy.Arn.Part": true, "Policy.Mode": false, "Pol": false, "Policy.Arnold": false} {
		if got := r.Unknown(path); got != want {
			t.Errorf("%s was read: %v", path, !got)
		}
	}
	sorted := World{Resources: []Resource{{ARN: "b"}, {ARN: "a", Type: "z"}, {ARN: "a", Type: "y"}}}.Canonical().Resources
	if len(sorted) != 3 || sorted[0].Type != "y" || sorted[1].Type != "z" || sorted[2].ARN != "b" {
		t.Errorf("canonical resources: %+v", sorted)
	}
}

package proof

import (
	"sync"
	"testing"

	"remit/iam"
)

func TestTheZeroAnswerIsUnknown(t *testing.T) {
	if a := (Answer{}); a.Yes || a.Witness != nil {
		t.Errorf("got %+v", a)
	}
}

func TestNothingIsWithinNothing(t *testing.T) {
	if a := Subset(iam.Document{}, iam.Document{}, 0); !a.Yes {
		t.Errorf("got %+v", a)
	}
}

func allow(sid string, action, resource string, when ...iam.Condition) iam.Statement {
	return iam.Statement{Sid: sid, Effect: iam.Allow, Actions: iam.Of(action), Resources: iam.Of(resource), When: when}
}

func deny(sid string, action, resource string, when ...iam.Condition) iam.Statement {
	s := allow(sid, action, resource, when...)
	s.Effect = iam.Deny
	return s
}

func answers(t *testing.T, what string, a Answer, yes bool) {
	t.Helper()
	if a.Why != "" || a.Yes != yes {
		t.Errorf("%s: want yes = %v, got %+v", what, yes, a)
	}
}

func TestMemoryOfOneTenantIsReachedByItsTagAlone(t *testing.T) {
	const table = "arn:aws:dynamodb:us-east-1:111111111111:table/memory"
	present := iam.When("Null", "dynamodb:LeadingKeys", "false")
	keys := func(patterns ...string) iam.Document {
		return iam.Doc(allow("Keys", "dynamodb:GetItem", table, iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", patterns...), present))
	}
	tenant, agent := keys("TENANT#${aws:PrincipalTag/tenant}#*"), keys("AGENT#loan#*")
	answers(t, "tenants and agents share no key", Disjoint(tenant, agent, 0), true)
	answers(t, "a tenant's keys are tenant keys", Subset(tenant, keys("TENANT#*"), 0), true)
	answers(t, "tenant keys are not all one tenant's", Subset(keys("TENANT#*"), tenant, 0), false)
	answers(t, "the same grant twice", Subset(tenant, tenant, 0), true)
	answers(t, "a sibling prefix: loan reaches loan-2", Disjoint(keys("AGENT#loan*"), keys("AGENT#loan-2#*"), 0), false)
	answers(t, "a delimiter keeps them apart", Disjoint(agent, keys("AGENT#loan-2#*"), 0), true)
	answers(t, "a variable meets a constant", Disjoint(tenant, keys("TENANT#acme#*"), 0), false)
	unguarded := iam.Doc(allow("Keys", "dynamodb:GetItem", table, iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "AGENT#loan#*")))
	answers(t, "ForAllValues without its guard lets a request without keys pass", Subset(unguarded, agent, 0), false)
}

func TestDocumentsWithTheirOwnDenials(t *testing.T) {
	all := allow("All", "*", "*")
	answers(t, "all but a deny", Subset(iam.Doc(all), iam.Doc(all, deny("No", "iam:*", "*")), 0), false)
	answers(t, "a deny on the left", Subset(iam.Doc(all, deny("No", "iam:*", "*")), iam.Doc(all, deny("No", "iam:Create*", "*")), 0), true)
	answers(t, "two halves make the whole", Subset(iam.Doc(all), iam.Doc(allow("A", "*", "*", iam.When("Null", "k:a", "true")), allow("B", "*", "*", iam.When("Null", "k:a", "false"))), 0), true)
	answers(t, "numbers on both sides of a bound", Subset(iam.Doc(all),
		iam.Doc(allow("A", "*", "*", iam.When("NumericLessThanEqualsIfExists", "k:n", "5")), allow("B", "*", "*", iam.When("NumericGreaterThan", "k:n", "5"))), 0), true)
	answers(t, "a bound that neither side holds", Subset(iam.Doc(all),
		iam.Doc(allow("A", "*", "*", iam.When("NumericLessThanIfExists", "k:n", "5")), allow("B", "*", "*", iam.When("NumericGreaterThan", "k:n", "5"))), 0), false)
}

func TestAVariableMayBeAnyConstant(t *testing.T) {
	const own, acme = "arn:aws:s3:::b/${aws:PrincipalTag/t}", "arn:aws:s3:::b/acme"
	mine, theirs := iam.Doc(allow("Own", "s3:*", own)), iam.Doc(allow("Acme", "s3:*", acme))
	answers(t, "the variable, then the constant", Disjoint(mine, theirs, 0), false)
	answers(t, "the constant, then the variable", Disjoint(theirs, mine, 0), false)
	answers(t, "a constant is not the variable's", Subset(theirs, mine, 0), false)
	answers(t, "a constant elsewhere", Disjoint(mine, iam.Doc(allow("C", "s3:*", "arn:aws:s3:::c/acme")), 0), true)
	answers(t, "two variables", Disjoint(mine, iam.Doc(allow("Other", "s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/u}")), 0), false)
	a := Disjoint(mine, theirs, 0)
	if a.Witness == nil || a.Witness.Context["aws:principaltag/t"][0] != "acme" {
		t.Errorf("the witness does not say what the variable is: %+v", a)
	}
}

func TestSetsOfValues(t *testing.T) {
	when := func(c ...iam.Condition) iam.Document { return iam.Doc(allow("When", "*", "*", c...)) }
	const key = "x:set"
	some := func(op string, v ...string) iam.Condition { return iam.When("ForAnyValue:"+op, key, v...) }
	every := func(op string, v ...string) iam.Condition { return iam.When("ForAllValues:"+op, key, v...) }
	for _, c := range []struct {
		name  string
		when  []iam.Condition
		empty bool
	}{
		{"one is a, and none is", []iam.Condition{some("StringEquals", "a"), every("StringNotEquals", "a")}, true},
		{"one is a, and one is not", []iam.Condition{some("StringEquals", "a"), some("StringNotEquals", "a")}, false},
		{"one is a, one is b", []iam.Condition{some("StringEquals", "a"), some("StringEquals", "b")}, false},
		{"one is a, one is b, all are a or c", []iam.Condition{some("StringEquals", "a"), some("StringEquals", "b"), every("StringEquals", "a", "c")}, true},
		{"all are a and all are b: there are none", []iam.Condition{every("StringEquals", "a"), every("StringEquals", "b")}, false},
		{"all are a and all are b, and there are some", []iam.Condition{every("StringEquals", "a"), every("StringEquals", "b"), iam.When("Null", key, "false")}, true},
		{"one is small and all are large", []iam.Condition{some("NumericLessThan", "5"), every("NumericGreaterThan", "6")}, true},
		{"one is small and one is large", []iam.Condition{some("NumericLessThan", "5"), some("NumericGreaterThan", "6")}, false},
		{"one there is, and the key is absent", []iam.Condition{some("StringLike", "*"), iam.When("Null", key, "true")}, true},
	} {
		answers(t, c.name, Empty(when(c.when...), nil, 0), c.empty)
	}
}

func TestMeasures(t *testing.T) {
	when := func(c ...iam.Condition) iam.Document { return iam.Doc(allow("When", "*", "*", c...)) }
	for _, c := range []struct {
		name string
		a, b iam.Condition
		yes  bool
	}{
		{"a range within a wider one", iam.When("IpAddress", "aws:SourceIp", "10.1.0.0/16"), iam.When("IpAddress", "aws:SourceIp", "10.0.0.0/8"), true},
		{"a range wider by one bit", iam.When("IpAddress", "aws:SourceIp", "10.0.0.0/7"), iam.When("IpAddress", "aws:SourceIp", "10.0.0.0/8"), false},
		{"two halves of a range", iam.When("IpAddress", "aws:SourceIp", "10.0.0.0/8"), iam.When("IpAddress", "aws:SourceIp", "10.0.0.0/9", "10.128.0.0/9"), true},
		{"two halves but the last address", iam.When("IpAddress", "aws:SourceIp", "10.0.0.0/30"), iam.When("IpAddress", "aws:SourceIp", "10.0.0.0/31", "10.0.0.2"), false},
		{"version 6", iam.When("IpAddress", "aws:SourceIp", "2001:db8:1::/48"), iam.When("IpAddress", "aws:SourceIp", "2001:db8::/32"), true},
		{"an absent address passes NotIpAddress", iam.When("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"), iam.When("NotIpAddressIfExists", "aws:SourceIp", "10.0.0.0/9"), true},
		{"less is less or equal", iam.When("NumericLessThan", "k:n", "5"), iam.When("NumericLessThanEquals", "k:n", "5"), true},
		{"less or equal is not less", iam.When("NumericLessThanEquals", "k:n", "5"), iam.When("NumericLessThan", "k:n", "5"), false},
		{"between two numbers is one", iam.When("NumericGreaterThan", "k:n", "1"), iam.When("NumericGreaterThanEquals", "k:n", "2"), false},
		{"numbers beyond every constant", iam.When("NumericGreaterThan", "k:n", "-7"), iam.When("NumericLessThan", "k:n", "100"), false},
		{"an earlier day", iam.When("DateLessThan", "aws:CurrentTime", "2026-01-01"), iam.When("DateLessThanEquals", "aws:CurrentTime", "2026-01-01T00:00:00Z"), true},
		{"a later day", iam.When("DateLessThan", "aws:CurrentTime", "2026-01-02"), iam.When("DateLessThan", "aws:CurrentTime", "2026-01-01"), false},
		{"true is not false", iam.When("Bool", "aws:SecureTransport", "true"), iam.When("Bool", "aws:SecureTransport", "false"), false},
		{"true or false is all there is", iam.When("Null", "aws:SecureTransport", "false"), iam.When("Bool", "aws:SecureTransport", "false", "true"), true},
	} {
		answers(t, c.name, Subset(when(c.a), when(c.b), 0), c.yes)
	}
}

func TestTheCallerAndWhatFollowsFromItAreOne(t *testing.T) {
	by := func(who []string, when ...iam.Condition) iam.Document {
		s := allow("By", "sts:AssumeRole", "", when...)
		s.Resources, s.Principals = iam.Match{}, iam.Principals{AWS: who}
		return iam.Doc(s)
	}
	const role = "arn:aws:iam::111111111111:role/app"
	pinned := by([]string{"111111111111"}, iam.When("ArnEquals", "aws:PrincipalArn", role))
	answers(t, "an account pinned to a role is that role", Subset(pinned, by([]string{role}), 0), true)
	answers(t, "an account is not one role", Subset(by([]string{"111111111111"}), pinned, 0), false)
	answers(t, "a role is of its account", Subset(by([]string{role}), by([]string{"*"}, iam.When("StringEquals", "aws:PrincipalAccount", "111111111111")), 0), true)
	answers(t, "a pin into another account admits nobody", Disjoint(by([]string{"222222222222"}), pinned, 0), true)
	answers(t, "a wildcard pin crosses no field", Subset(by([]string{"*"}, iam.When("ArnLike", "aws:PrincipalArn", "arn:aws:iam::111111111111:role/*")), by([]string{"111111111111"}), 0), true)
	service := by(nil)
	service.Statements[0].Principals = iam.Principals{Service: []string{"lambda.amazonaws.com"}}
	answers(t, "no account is a service", Disjoint(service, by([]string{"111111111111"}), 0), true)
	answers(t, "everyone includes services", Subset(service, by([]string{"*"}, iam.When("Bool", "aws:PrincipalIsAWSService", "true")), 0), true)
	answers(t, "a statement without Principal speaks of services too, beside one that names them", Disjoint(service, iam.Doc(allow("Assume", "sts:*", "*")), 0), false)
	answers(t, "a pin to a session is not sure of the role", Subset(by([]string{role}), by([]string{"arn:aws:sts::111111111111:assumed-role/app/s"}), 0), false)
}

func TestASourceIsOfTheAccountItsARNStates(t *testing.T) {
	trust := func(when ...iam.Condition) iam.Document {
		return iam.Doc(iam.Statement{Effect: iam.Allow, Actions: iam.Of("sts:AssumeRole"), Principals: iam.Principals{Service: []string{"lambda.amazonaws.com"}}, When: when})
	}
	like := func(arn string) iam.Condition { return iam.When("ArnLike", "aws:SourceArn", arn) }
	elsewhere := []iam.Statement{{When: []iam.Condition{iam.When("StringNotEquals", "aws:SourceAccount", "111111111111"), iam.When("Null", "aws:SourceAccount", "false")}}}
	answers(t, "the ARN pins the account", Empty(trust(like("arn:aws:lambda:us-east-1:111111111111:*")), elsewhere, 0), true)
	answers(t, "any account's function", Empty(trust(like("arn:aws:lambda:us-east-1:*:function:f")), elsewhere, 0), false)
	answers(t, "a bucket states no account", Empty(trust(like("arn:aws:s3:::b")), elsewhere, 0), false)
	other := iam.When("StringEquals", "aws:SourceAccount", "222222222222")
	answers(t, "so the account may be any", Empty(trust(like("arn:aws:s3:::b"), other), nil, 0), false)
	answers(t, "a variable may be the account", Empty(trust(like("arn:aws:sns:us-east-1:${aws:PrincipalTag/t}:t"), iam.When("StringLike", "aws:SourceAccount", "2*")), nil, 0), false)
	answers(t, "no source at all", Empty(trust(), elsewhere, 0), false)
	answers(t, "two accounts at once", Empty(trust(like("arn:aws:sns:us-east-1:111111111111:t"), iam.When("StringEquals", "aws:SourceAccount", "222222222222")), nil, 0), true)
	answers(t, "the same account twice", Empty(trust(like("arn:aws:sns:us-east-1:*:t"), iam.When("StringLike", "aws:SourceAccount", "22*")), nil, 0), false)
	answers(t, "a service may send the ARN alone", Subset(trust(like("arn:aws:lambda:us-east-1:111111111111:*")), trust(iam.When("StringEquals", "aws:SourceAccount", "111111111111")), 0), false)
}

func TestWhatCannotBeReadIsNeverProved(t *testing.T) {
	all, doubtful := iam.Doc(allow("All", "*", "*")), iam.Doc(allow("Odd", "*", "*", iam.When("StringMatches", "k:a", "x")))
	for what, a := range map[string]Answer{
		"an unknown operator on the right": Subset(all, doubtful, 0),
		"an unknown operator on the left":  Subset(doubtful, iam.Document{}, 0),
		"an unreadable variable":           Subset(iam.Doc(allow("All", "*", "arn:${x}")), iam.Document{}, 0),
		"no work left":                     Subset(all, all, 1),
	} {
		if a.Yes || a.Witness != nil || a.Why == "" {
			t.Errorf("%s: %+v", what, a)
		}
	}
	answers(t, "a doubt that cannot matter", Subset(doubtful, all, 0), true)
	answers(t, "the same doubt on a narrower action", Subset(iam.Doc(allow("Odd", "s3:*", "*", iam.When("StringMatches", "k:a", "x")), allow("No", "iam:*", "*")), iam.Doc(allow("S3", "s3:*", "*")), 0), false)
}

func TestReadingsOfAWildcardThatDifferAreUnknown(t *testing.T) {
	inside, all := iam.Doc(allow("In", "s3:*", "arn:aws:s3:::a*b")), iam.Doc(allow("All", "s3:*", "arn:aws:s3:::*"))
	answers(t, "both readings are within", Subset(inside, all, 0), true)
	answers(t, "a pattern within itself", Subset(inside, inside, 0), true)
	a := Subset(iam.Doc(allow("In", "s3:*", "arn:aws:s3:us*b"), allow("X", "s3:*", "arn:aws:s3:us:c:b")), iam.Doc(allow("In", "s3:*", "arn:aws:s3:us*b")), 0)
	if a.Yes || a.Witness != nil || a.Why == "" {
		t.Errorf("a resource that one reading covers and the other does not: %+v", a)
	}
}

func TestAWitnessIsSomethingThatExists(t *testing.T) {
	for _, c := range []struct {
		a, b iam.Statement
		want string
	}{
		{allow("A", "*", "*"), allow("B", "s3:*", "*"), "arn:aws:iam::123456789012:role/any: iam:CreateAccessKey on arn:aws:iam:us-east-1:123456789012:any"},
		{allow("A", "dynamodb:*", "*"), allow("B", "dynamodb:Get*", "*"), "arn:aws:iam::123456789012:role/any: dynamodb:AssociateTableReplica on arn:aws:dynamodb:us-east-1:123456789012:any"},
		{allow("A", "s3:GetObject", "arn:aws:s3:::b/*"), allow("B", "s3:GetObject", "arn:aws:s3:::b/public/*"), "arn:aws:iam::123456789012:role/any: s3:GetObject on arn:aws:s3:::b/"},
		{allow("A", "s*:Get*", "*"), allow("B", "sts:*", "*"), "arn:aws:iam::123456789012:role/any: s3:GetObject on arn:aws:s3:us-east-1:123456789012:any"},
		{allow("A", "s3:GetObject", "*"), allow("B", "s3:GetObject", "*", iam.When("IpAddress", "aws:SourceIp", "10.0.0.0/8")), "arn:aws:iam::123456789012:role/any: s3:GetObject on arn:aws:s3:us-east-1:123456789012:any"},
	} {
		a := Subset(iam.Doc(c.a), iam.Doc(c.b), 0)
		if a.Witness == nil {
			t.Errorf("want %q, got %+v", c.want, a)
		} else if got := Sentence(*a.Witness); got != c.want {
			t.Errorf("want %q, got %q", c.want, got)
		}
	}
}

func TestAWitnessIsOfTheServiceThatIsAsked(t *testing.T) {
	where := []iam.Statement{{Actions: iam.Match{Not: true, Of: []string{"dynamodb:A*", "s3:*"}}}}
	a := Empty(iam.Doc(allow("A", "dynamodb:*", "*")), where, 0)
	if a.Witness == nil || a.Witness.Action != "dynamodb:BatchGetItem" {
		t.Errorf("got %+v", a)
	}
}

// TestSearchesRunSideBySide is for the race detector: verify asks on all cores.
func TestSearchesRunSideBySide(t *testing.T) {
	policy, boundary := lane("loan-processor", 5)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				if a := Subset(policy, boundary, 0); !a.Yes {
					t.Errorf("%+v", a)
				}
				if a := Subset(boundary, policy, 0); a.Witness == nil {
					t.Errorf("%+v", a)
				}
			}
		})
	}
	all.Wait()
}

// A doubtful deny refuses nothing on the left and everything on the right.
func TestADoubtfulDenyProvesNothing(t *testing.T) {
	odd := deny("Odd", "*", "*", iam.When("StringMatches", "k:a", "x"))
	all := allow("All", "*", "*")
	for what, a := range map[string]Answer{
		"on the left":  Subset(iam.Doc(all, odd), iam.Document{}, 0),
		"on the right": Subset(iam.Doc(all), iam.Doc(all, odd), 0),
	} {
		if a.Yes || a.Witness != nil || a.Why == "" {
			t.Errorf("%s: %+v", what, a)
		}
	}
}

func TestWhereNarrowsTheQuestion(t *testing.T) {
	s3, all := iam.Doc(allow("S3", "s3:*", "*"), deny("No", "s3:Delete*", "*")), iam.Doc(allow("All", "*", "*"))
	on := func(actions ...string) iam.Statement { return iam.Statement{Actions: iam.Of(actions...)} }
	answers(t, "an action that is allowed", Empty(s3, []iam.Statement{on("s3:GetObject")}, 0), false)
	answers(t, "an action that is denied", Empty(s3, []iam.Statement{on("s3:DeleteObject")}, 0), true)
	answers(t, "an action of another service", Empty(s3, []iam.Statement{on("iam:*")}, 0), true)
	answers(t, "two patterns that share nothing", Empty(all, []iam.Statement{on("s3:*"), on("iam:*")}, 0), true)
	answers(t, "within, there", Search{Within: []iam.Document{all}, Beyond: []iam.Document{s3}, Where: []iam.Statement{on("s3:Get*")}}.Run(), true)
	answers(t, "not within, there", Search{Within: []iam.Document{all}, Beyond: []iam.Document{s3}, Where: []iam.Statement{on("s3:Delete*")}}.Run(), false)
	answers(t, "documents attached to principals", Subset(all, iam.Doc(allow("Of", "*", "*", iam.When("Null", "aws:PrincipalAccount", "false"))), 0), true)
}

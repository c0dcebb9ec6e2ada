package proof

import (
	"sort"
	"testing"

	"remit/iam"
)

func TestAnUnknownSaysWhy(t *testing.T) {
	all := iam.Doc(allow("All", "*", "*"))
	odd := func(effect iam.Effect) iam.Document {
		s := allow("Odd", "*", "*", iam.When("StringMatches", "k:a", "x"))
		s.Effect = effect
		return iam.Doc(allow("All", "*", "*"), s)
	}
	inside := iam.Doc(allow("In", "s3:Get", "x*b"))
	plain := iam.Statement{Effect: iam.Allow, Actions: iam.Of("*"), Resources: iam.Match{Not: true, Of: []string{"*:*"}}}
	for _, c := range []struct{ what, got, want string }{
		{"a budget", Subset(all, all, 1).Why, `the work budget is spent; stopped at statement 0 of a document of 1`},
		{"within", Empty(odd(iam.Deny), nil, 0).Why, `StringMatches k:a: unknown condition operator "StringMatches"; document 0 within may allow a request that evaluation answers with unknown (arn:x:x:x:x:x: x on x)`},
		{"beyond", Subset(all, iam.Doc(odd(iam.Allow).Statements[1]), 0).Why, `StringMatches k:a: unknown condition operator "StringMatches"; document 0 beyond may refuse a request that evaluation answers with unknown (arn:x:x:x:x:x: x on x)`},
		{"second within", Disjoint(all, odd(iam.Deny), 0).Why, `StringMatches k:a: unknown condition operator "StringMatches"; document 1 within may allow a request that evaluation answers with unknown (arn:x:x:x:x:x: x on x)`},
		{"where", Empty(all, odd(iam.Allow).Statements[1:], 0).Why, `StringMatches k:a: unknown condition operator "StringMatches"; Odd may not match the request (arn:x:x:x:x:x: x on x)`},
		{"one reading", Subset(inside, iam.Doc(plain), 0).Why, `document 0 within may allow a request that evaluation answers with unknown (arn:x:x:x:x:x: s3:get on x:b)`},
		{"the other", Subset(iam.Doc(allow("In", "s3:*", "arn:aws:s3:us*b"), allow("X", "s3:*", "arn:aws:s3:us:c:b")), iam.Doc(allow("In", "s3:*", "arn:aws:s3:us*b")), 0).Why, `where a wildcard inside an ARN's segment may or may not cross a colon, the readings differ: document 0 beyond may refuse a request that evaluation answers with unknown (arn:x:x:x:x:x: s3:x on arn:aws:s3:us:c:b)`},
	} {
		if c.got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.what, c.got, c.want)
		}
	}
}

// least is the smallest budget with which a search is answered.
func least(s Search) int {
	return sort.Search(100_000, func(n int) bool {
		s.Budget = n + 1
		return s.Run().Why == ""
	}) + 1
}

func TestAProofTakesOneReadingUnlessTwoDiffer(t *testing.T) {
	wide := iam.Doc(allow("S", "s3:*", "a*"))
	within := func(resource string) int {
		return least(Search{Within: []iam.Document{iam.Doc(allow("S", "s3:Get", resource))}, Beyond: []iam.Document{wide}}) - 1
	}
	if one, two := within("ab*"), within("a*b"); two != 2*one {
		t.Errorf("%d steps where there is one reading, %d where there are two", one, two)
	}
}

func TestNothingIsBeyondWhatAllowsAll(t *testing.T) {
	answers(t, "all", Search{Beyond: []iam.Document{iam.Doc(allow("All", "*", "*"))}}.Run(), true)
	answers(t, "all actions on one resource", Search{Beyond: []iam.Document{iam.Doc(allow("One", "*", "a"))}}.Run(), false)
}

// TestASearchGivesUpAfterSoManyUnconfirmedParts, and then looks among what is sure.
func TestASearchGivesUpAfterSoManyUnconfirmedParts(t *testing.T) {
	after := func(n int, s iam.Statement) Answer {
		var d iam.Document
		for range n {
			d.Statements = append(d.Statements, allow("Odd", "*", "*", iam.When("StringMatches", "k:a", "x")))
		}
		d.Statements = append(d.Statements, s)
		return Empty(d, nil, 0)
	}
	only := iam.When("StringEquals", "k:z", "z")
	sure, doubtful := allow("S", "*", "*", only), allow("S", "*", "*", only, not(def))
	answers(t, "a sure one, soon", after(tries-1, sure), false)
	answers(t, "a sure one, late", after(tries, sure), false)
	answers(t, "a doubtful one, soon", after(tries-1, doubtful), false)
	unproved(t, "a doubtful one, late", after(tries, doubtful))
}

func TestOnlyStatementsOfOtherActionsAreBeside(t *testing.T) {
	p := Search{}.pass(&work{left: 1000}, iam.Whole, false)
	get := allow("Get", "s3:Get", "*")
	b, _ := p.assert(nil, p.actions(get.Actions)[0]...)
	free, put, all := p.besideActions(nil), allow("Put", "s3:Put", "*"), allow("All", "*", "*")
	beside := p.besideActions(b)
	if free(&get) || free(&put) || beside(&get) || beside(&all) || !beside(&put) {
		t.Errorf("%v %v %v %v %v", free(&get), free(&put), beside(&get), beside(&all), beside(&put))
	}
}

func TestWhereIsAnyOfItsAlternatives(t *testing.T) {
	where := func(c iam.Condition) []iam.Statement { return []iam.Statement{{When: []iam.Condition{c}}} }
	either := where(iam.When("StringEquals", "k:v", "x"+tag, "c"))
	answers(t, "the first", Empty(kept(has("xy")), either, 0), false)
	answers(t, "the second", Empty(kept(has("c")), either, 0), false)
	answers(t, "neither", Empty(kept(has("y")), either, 0), true)
	answers(t, "and of the next as well", Empty(kept(), append(either, where(has("y"))...), 0), true)
	answers(t, "there is none", Empty(kept(), where(iam.When("Null", "k:v")), 0), true)
}

// TestABudgetChangesNoAnswer: with less work a search is unknown, never other.
func TestABudgetChangesNoAnswer(t *testing.T) {
	policy, boundary := lane("loan", 1)
	everyone := allow("S", "*", "*", iam.When("StringEquals", "k:v", "x${aws:PrincipalArn}"))
	everyone.Principals = iam.Principals{AWS: []string{"*"}}
	for what, s := range map[string]Search{
		"a grant within its boundary": {Within: []iam.Document{policy}, Beyond: []iam.Document{boundary}},
		"a boundary within a grant":   {Within: []iam.Document{boundary}, Beyond: []iam.Document{policy}},
		"a variable of the caller":    {Within: []iam.Document{iam.Doc(everyone, deny("No", "*", "*", iam.When("StringLike", "aws:PrincipalArn", "arn:*x", "*:*:*:*:y*")))}, Where: []iam.Statement{{When: []iam.Condition{iam.When("StringLike", "aws:PrincipalArn", "*/a*")}}}},
		"a set":                       {Within: []iam.Document{kept(only(tag, "a"), iam.When("ForAnyValue:StringLike", "k:set", "?*"))}},
	} {
		full, enough := s.Run(), least(s)
		for s.Budget = max(1, enough-200); s.Budget < enough+3; s.Budget++ {
			a := s.Run()
			if known := a.Why == ""; known != (s.Budget >= enough) || known && a.Yes != full.Yes || !known && (a.Yes || a.Witness != nil) {
				t.Fatalf("%s: with %d steps %+v, with enough %+v", what, s.Budget, a, full)
			}
		}
	}
}

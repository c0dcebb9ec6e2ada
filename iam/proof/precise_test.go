package proof

import (
	"strings"
	"testing"

	"remit/iam"
)

// The tests of this file stand where a small slip would prove too much.

func unproved(t *testing.T, what string, a Answer) {
	t.Helper()
	if a.Yes || a.Witness != nil || a.Why == "" {
		t.Errorf("%s: want unknown with a reason, got %+v", what, a)
	}
}

func on(values ...string) iam.Document {
	return iam.Doc(allow("S", "*", "*", iam.When("StringLike", "k:v", values...)))
}

func TestQuestionsThatDifferAreNeverTakenForOne(t *testing.T) {
	named := map[string]string{}
	for what, a := range map[string]*atom{
		"another dimension": {dim: "k:w", values: union(false, text("a"))},
		"a text":            {dim: "k:v", values: union(false, text("a"))},
		"another text":      {dim: "k:v", values: union(false, text("b"))},
		"a longer text":     {dim: "k:v", values: union(false, text("ab"))},
		"two texts":         {dim: "k:v", values: union(false, text("a"), text("b"))},
		"texts, parted":     {dim: "k:v", values: union(false, text("a\x00b"))},
		"texts and runs":    {dim: "k:v", values: union(false, text("a"), glob{'b', iam.Run})},
		"two runs":          {dim: "k:v", values: union(false, glob{'a', iam.Run}, glob{'b', iam.Run})},
		"runs, parted":      {dim: "k:v", values: union(false, glob{'a', iam.Run, 1, 'b', iam.Run})},
		"no text":           {dim: "k:v", values: union(false)},
		"a number":          {dim: "k:v", op: operator("NumericEquals"), wants: []string{"1"}},
		"another number":    {dim: "k:v", op: operator("NumericEquals"), wants: []string{"2"}},
		"two numbers":       {dim: "k:v", op: operator("NumericEquals"), wants: []string{"1", "2"}},
		"a lesser number":   {dim: "k:v", op: operator("NumericLessThan"), wants: []string{"1"}},
		"without case":      {dim: "k:v", values: union(true, text("a"))},
		"negated":           {dim: "k:v", negated: true, values: union(false, text("a"))},
		"absent":            {dim: "k:v", absent: true, values: union(false, text("a"))},
		"of every value":    {dim: "k:v", each: iam.All, values: union(false, text("a"))},
		"of any value":      {dim: "k:v", each: iam.Any, values: union(false, text("a"))},
		"a run":             {dim: "k:v", values: union(false, glob{'a', iam.Run})},
		"one":               {dim: "k:v", values: union(false, glob{'a', iam.One})},
		"a field's run":     {dim: "k:v", values: union(false, glob{'a', iam.FieldRun})},
		"a field's one":     {dim: "k:v", values: union(false, glob{'a', iam.FieldOne})},
		"what is no text":   {dim: "k:v", values: union(false, glob{'a', '\uFFFD', iam.Run})},
		"near a wildcard 1": {dim: "k:v", values: union(false, glob{'a', firstPrivate - 1, iam.Run})},
		"near a wildcard 2": {dim: "k:v", values: union(false, glob{'a', iam.One, iam.Run})},
		"a variable":        {dim: "k:v", values: union(false, glob{'a', firstSymbol})},
		"another variable":  {dim: "k:v", values: union(false, glob{'a', firstSymbol + 1})},
	} {
		a.identify()
		if other, twice := named[a.name]; twice {
			t.Errorf("%s and %s are one question", what, other)
		}
		named[a.name] = what
	}
}

func operator(name string) iam.Operator {
	op, err := iam.ParseOperator(name)
	if err != nil {
		panic(err)
	}
	return op
}

func TestNoCharacterMakesTwoTextsOfOne(t *testing.T) {
	for _, control := range []string{"\x00", "\x01", "\x02", "\x03"} {
		answers(t, "texts", Subset(on("a", "b"), on("a"+control+"b"), 0), false)
		answers(t, "patterns", Subset(on("a*", "b*"), on("a*"+control+"b*"), 0), false)
	}
}

func TestActionAndResourceAreInEveryRequest(t *testing.T) {
	nothing := iam.Statement{Effect: iam.Allow, Actions: iam.Match{Not: true, Of: []string{"*"}}, Resources: iam.Of("*")}
	answers(t, "all actions but all", Empty(iam.Doc(nothing), nil, 0), true)
	nothing.Actions, nothing.Resources = iam.Of("*"), iam.Match{Not: true, Of: []string{"*"}}
	answers(t, "all resources but all", Empty(iam.Doc(nothing), nil, 0), true)
}

func TestANotPrincipalSparesForCertainOnlyWithItsAccount(t *testing.T) {
	const role, account = "arn:aws:iam::111111111111:role/r", "arn:aws:iam::111111111111:root"
	but := func(who ...string) iam.Document {
		s := allow("But", "*", "*")
		s.Principals = iam.Principals{Not: true, AWS: who}
		return iam.Doc(s)
	}
	is := []iam.Statement{{When: []iam.Condition{iam.When("StringEquals", "aws:PrincipalArn", role)}}}
	unproved(t, "the role alone", Empty(but(role), is, 0))
	unproved(t, "the role with another account", Empty(but(role, "arn:aws:iam::222222222222:root"), is, 0))
	unproved(t, "the account alone", Empty(but(account), is, 0))
	answers(t, "both", Empty(but(role, account), is, 0), true)
	answers(t, "both, the account by its number", Empty(but(role, "111111111111"), is, 0), true)
	answers(t, "somebody else", Empty(but("arn:aws:iam::222222222222:role/r"), is, 0), false)
}

func TestAPrincipalThatIsNoAccountIsADoubt(t *testing.T) {
	for _, who := range []string{"deadbeefdead", "11111111111", "1111111111111", "arn:aws:iam::111111111111:role/*", "arn:aws:iam::111111111111:role/" + string(firstPrivate)} {
		s := allow("S", "*", "*")
		s.Principals = iam.Principals{AWS: []string{who}}
		unproved(t, who, Empty(iam.Doc(s), nil, 0))
		unproved(t, who+" of another account", Empty(iam.Doc(s), []iam.Statement{{When: []iam.Condition{iam.When("StringEquals", "aws:PrincipalAccount", "222222222222")}}}, 0))
	}
}

func TestSpacesAroundAnActionAreNone(t *testing.T) {
	spaced, plain := iam.Doc(allow("S", " s3:GetObject\t", "*")), iam.Doc(allow("S", "s3:getobject", "*"))
	answers(t, "spaced within plain", Subset(spaced, plain, 0), true)
	answers(t, "plain within spaced", Subset(plain, spaced, 0), true)
}

func TestAStatementWithoutActionOrResourceAllowsNothing(t *testing.T) {
	for what, s := range map[string]iam.Statement{"no action": {Effect: iam.Allow, Resources: iam.Of("*")}, "no resource": {Effect: iam.Allow, Actions: iam.Of("*")}} {
		answers(t, what, Empty(iam.Doc(s), nil, 0), true)
	}
}

func TestAKeyThatIsReadInTwoWaysIsADoubtInEitherOrder(t *testing.T) {
	text, number := iam.When("StringEquals", "k:n", "1"), iam.When("NumericEquals", "k:n", "2")
	unproved(t, "text first", Empty(iam.Doc(allow("S", "*", "*", text, number)), nil, 0))
	unproved(t, "number first", Empty(iam.Doc(allow("S", "*", "*", number, text)), nil, 0))
}

func TestAValueThatCannotBeReadTakesNoOtherWithIt(t *testing.T) {
	good := iam.Doc(allow("S", "*", "*", iam.When("ArnLike", "k:a", "arn:aws:s3:::b")))
	both := iam.Doc(allow("S", "*", "*", iam.When("ArnLike", "k:a", "nothing like it", "arn:aws:s3:::b")))
	answers(t, "the good one is within both", Subset(good, both, 0), true)
	unproved(t, "both are not within the good one", Subset(both, good, 0))
	unproved(t, "a bad one alone", Empty(iam.Doc(allow("S", "*", "*", iam.When("ArnEquals", "k:a", "nothing like it"))), nil, 0))
	unproved(t, "a character that is taken", Empty(on(string(firstPrivate)), nil, 0))
	unproved(t, "and the last", Empty(on("a"+string(firstSymbol)), nil, 0))
}

func TestAnActionThatCannotBeReadTakesNoOtherWithIt(t *testing.T) {
	both := allow("S", "*", "*")
	both.Actions = iam.Of("s3:"+string(firstPrivate), "s3:GetObject")
	if a := Empty(iam.Doc(both), nil, 0); a.Yes {
		t.Errorf("an action that can be read is lost: %+v", a)
	}
}

func TestABoolIsTextWhereTextReadsItAndADoubtWhereNumbersDo(t *testing.T) {
	is := func(op, value string) iam.Condition { return iam.When(op, "k:b", value) }
	answers(t, "the same", Subset(iam.Doc(allow("S", "*", "*", is("Bool", "true"))), iam.Doc(allow("S", "*", "*", is("StringLike", "????"))), 0), true)
	answers(t, "and another", Empty(iam.Doc(allow("S", "*", "*", is("Bool", "true"), is("StringEquals", "no"))), nil, 0), true)
	unproved(t, "a number", Empty(iam.Doc(allow("S", "*", "*", is("Bool", "true"), is("NumericEquals", "1"))), nil, 0))
}

// TestAWitnessKnowsItsCaller: what a variable stands for follows from who calls.
func TestAWitnessKnowsItsCaller(t *testing.T) {
	everyone := func(values ...string) iam.Document {
		d := on(values...)
		d.Statements[0].Principals = iam.Principals{AWS: []string{"*"}}
		return d
	}
	for key, is := range map[string]iam.Condition{
		"aws:PrincipalArn":         iam.When("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::111111111111:role/r"),
		"aws:PrincipalAccount":     iam.When("StringEquals", "aws:PrincipalAccount", "111111111111"),
		"aws:PrincipalServiceName": iam.When("StringEquals", "aws:PrincipalServiceName", "lambda.amazonaws.com"),
	} {
		a := Empty(everyone("x/${"+key+"}"), []iam.Statement{{When: []iam.Condition{is}}}, 0)
		if a.Witness == nil || strings.Join(a.Witness.Context["k:v"], "") != "x/"+is.Values[0] {
			t.Errorf("%s: %+v", key, a)
		}
	}
}

func TestAVariableHasNoCaseOfItsOwn(t *testing.T) {
	d := iam.Doc(allow("S", "*", "*", iam.When("StringEqualsIgnoreCase", "k:v", "a${aws:PrincipalTag/t}")))
	answers(t, "it stands for something", Empty(d, nil, 0), false)
	answers(t, "its text has any case", Subset(iam.Doc(allow("S", "*", "*", iam.When("StringEquals", "k:v", "AB"), iam.When("StringEquals", "aws:PrincipalTag/t", "b"))), iam.Document{}, 0), false)
}

func TestOneCharacterIsAnyOne(t *testing.T) {
	answers(t, "a is like ?", Subset(on("a"), on("?"), 0), true)
	answers(t, "? is not like a", Subset(on("?"), on("a"), 0), false)
	answers(t, "two are not like ?", Subset(on("ab"), on("?"), 0), false)
	answers(t, "a dollar sign is itself", Subset(on("$"), on("$"), 0), true)
	answers(t, "and nothing else", Subset(on("$"), on("a"), 0), false)
}

func TestTwoVariablesAreTwoUnknowns(t *testing.T) {
	pair := on("${aws:PrincipalTag/a}/${aws:PrincipalTag/b}")
	answers(t, "each is any text", Subset(pair, on("*/*"), 0), true)
	answers(t, "the first may be long", Subset(pair, on("?/*"), 0), false)
	answers(t, "the second may be long", Subset(pair, on("*/?"), 0), false)
	if a := Subset(pair, on("${aws:PrincipalTag/b}/${aws:PrincipalTag/a}"), 0); a.Yes {
		t.Errorf("two variables are taken for one another: %+v", a)
	}
	answers(t, "they are themselves", Subset(pair, pair, 0), true)
}

// TestManyDefaultsAreADoubtAndNeverAProof: each variable with a default stands for its
// value or the default, and beyond a few of them not every combination is looked at.
func TestManyDefaultsAreADoubtAndNeverAProof(t *testing.T) {
	some := func(n int) iam.Document {
		var text strings.Builder
		for i := range n {
			text.WriteString("${k:" + string(rune('a'+i)) + ", 'd'}")
		}
		return on(text.String())
	}
	answers(t, "one is not only its default", Subset(some(1), on("d"), 0), false)
	answers(t, "all of a few may stand", Subset(on("dd"), iam.Doc(allow("S", "*", "*", iam.When("StringLike", "k:v", "x"))), 0), false)
	for n := 1; n <= 6; n++ {
		absent := []iam.Statement{{When: []iam.Condition{iam.When("StringEquals", "k:v", strings.Repeat("d", n))}}}
		for i := range n {
			absent[0].When = append(absent[0].When, iam.When("Null", "k:"+string(rune('a'+i)), "true"))
		}
		if a := Empty(some(n), absent, 0); a.Yes {
			t.Errorf("%d defaults: their request was proved impossible: %+v", n, a)
		}
	}
}

func TestReadingsDifferWhereAWildcardStandsInsideASegment(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "*": false, "arn:aws:s3:::b": false, "arn:aws:s3:::b/*": false, "arn:*:s3:::b": false,
		"arn:aws:s3:::a*b": true, "arn:a*s:s3:::b": true, "?": true, "arn:aws:s3:::b?": true, "a*${x": false,
	} {
		if differs(text, iam.Version) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}

func TestOnlyWildcardsVariablesAndTakenCharactersAreSpecial(t *testing.T) {
	var found string
	for _, r := range "\x00 !#$%*+?@{}~\u00e9\ufffd\U000effff\U000f0000\U00100000" {
		if special(r) {
			found += string(r)
		}
	}
	if want := "$*?\U000f0000\U00100000"; found != want {
		t.Errorf("got %q, want %q", found, want)
	}
}

// TestFourVariablesWithDefaultsAreLookedAtInEveryCombination, and a fifth is a doubt.
func TestFourVariablesWithDefaultsAreLookedAtInEveryCombination(t *testing.T) {
	for n, want := range []int{1, 2, 4, 8, 16, 16} {
		var text strings.Builder
		for i := range n {
			text.WriteString("${k:" + string(rune('a'+i)) + ", 'd'}")
		}
		p, err := iam.ParsePattern(text.String(), iam.Version, iam.Literal)
		if err != nil {
			t.Fatal(err)
		}
		groups := map[string]bool{}
		values, all := newCompiler(&work{left: 1}, iam.Whole, nil).variants(p)
		for _, v := range values {
			groups[v.group()] = true
		}
		if len(values) != want || len(groups) != want || all != (n < 5) {
			t.Errorf("%d variables: %d variants, %d of them different, all: %v; want %d", n, len(values), len(groups), all, want)
		}
	}
}

func TestAPatternThatIsNoARNMakesNothingDifferentForCertain(t *testing.T) {
	x := iam.Doc(allow("S", "*", "*", iam.When("StringEquals", "k:a", "x")))
	unproved(t, "not nothing", Subset(x, iam.Doc(allow("S", "*", "*", iam.When("ArnNotEquals", "k:a", "nothing like it"))), 0))
}

package proof

import (
	"maps"
	"testing"

	"remit/iam"
)

func TestAVariableIsBoundToWhatMakesItsPatternMatch(t *testing.T) {
	const X, Y = symbolX, symbolY
	for _, c := range []struct {
		of   *lang
		text string
		x, y string // "-" is unbound
		ok   bool
	}{
		{union(false, glob{'a', X, '/', Y}), "ab/c", "b", "c", true},
		{union(false, glob{X}), "abc", "abc", "-", true},
		{union(false, glob{X, iam.Run}), "abc", "a", "-", true},
		{union(false, glob{X}), "", "", "-", true},
		{union(false, glob{X, 'a'}), "a", "", "-", true},
		{union(false, glob{X, '-', X}), "ab-ab", "ab", "-", true},
		{union(false, glob{X, '-', X}), "ab-ac", "-", "-", false},
		{union(false, glob{X, '-', Y, X}), "ab-cab", "ab", "c", true},
		{union(false, glob{X, '-', X, Y}), "ab-abc", "ab", "c", true},
		{union(false, glob{iam.Run, 'z'}), "", "-", "-", false},
		{union(false, glob{iam.Run, X}), "ab", "ab", "-", true},
		{union(false, glob{iam.One, X}), "ab", "b", "-", true},
		{union(false, glob{iam.FieldRun, ':', X}), "a:b", "b", "-", true},
		{union(false, glob{iam.FieldRun, 'b', X}), "a:b", "-", "-", false},
		{union(false, glob{iam.FieldOne, X}), ":b", "-", "-", false},
		{union(false, glob{iam.One, X, 'z'}), "", "-", "-", false},
		{union(false, glob{'A', X}), "ab", "-", "-", false},
		{union(true, glob{'A', X}), "ab", "b", "-", true},
		{union(false, text("ab"), glob{X, 'c'}), "ab", "-", "-", true},
		{union(false, glob{X, 'c'}, glob{Y, 'b'}), "ab", "-", "a", true},
		{union(false, text("abc"), glob{'a', X, 'd'}), "ab", "-", "-", false},
	} {
		want := map[rune]string{X: c.x, Y: c.y}
		maps.DeleteFunc(want, func(_ rune, v string) bool { return v == "-" })
		values := map[rune]string{}
		if ok := c.of.bind(c.text, values); ok != c.ok || !maps.Equal(values, want) {
			t.Errorf("%q: %v with %q, want %v with %q", c.text, ok, values, c.ok, want)
		}
	}
}

func TestBindingEndsWithItsSteps(t *testing.T) {
	for steps, want := range []bool{false, false, true, true} {
		if got := text("ab").bind([]rune("ab"), map[rune]string{}, false, &steps); got != want {
			t.Errorf("with %d steps left: %v", steps, got)
		}
	}
}

func TestAVariableOfTheRequestHasOneValueInIt(t *testing.T) {
	const likely = "arn:aws:iam::123456789012:role/any: iam:CreateAccessKey on arn:aws:iam:us-east-1:123456789012:any with "
	where := func(when ...iam.Condition) Answer { return Empty(kept(when...), nil, 0) }
	for _, c := range []struct {
		what string
		Answer
		want string
	}{
		{"nothing speaks of it", where(iam.When("StringEquals", "k:v", "a"+tag)), likely + `aws:principaltag/t = x, k:v = ax`},
		{"its key is said", where(iam.When("StringEquals", "k:v", "a"+tag), iam.When("StringEquals", "aws:PrincipalTag/t", "x")), likely + `aws:principaltag/t = x, k:v = ax`},
		{"a text says it", where(iam.When("StringEquals", "k:v", "a"+tag), has("ab")), likely + `aws:principaltag/t = b, k:v = ab`},
		{"another key may be it, or absent", where(iam.When("StringEquals", "k:v", "a"+tag), has("ab"), iam.When("StringEqualsIfExists", "k:w", "c"+tag)), likely + `aws:principaltag/t = b, k:v = ab`},
		{"two of them", where(iam.When("StringEquals", "k:v", tag+"/${k:u}"), has("a/b")), likely + `aws:principaltag/t = a, k:u = b, k:v = a/b`},
		{"the caller", where(iam.When("StringEquals", "k:v", "${aws:PrincipalAccount}")), `arn:x:x:x:x:x: iam:CreateAccessKey on arn:aws:iam:us-east-1:123456789012:any with k:v = x`},
		{"a set", where(iam.When("ForAnyValue:StringEquals", "k:set", "a"+tag), iam.When("ForAnyValue:StringEquals", "k:set", "b")), likely + `aws:principaltag/t = x, k:set = ax, b`},
		{"one of a set that may be it", where(only("z"+tag, "a"), iam.When("ForAnyValue:StringLike", "k:set", "z*")), likely + `aws:principaltag/t = any, k:set = zany`},
		{"one of a set that is said", where(only("z"+tag, "a"), iam.When("ForAnyValue:StringLike", "k:set", "z*"), iam.When("StringEquals", "aws:PrincipalTag/t", "q")), likely + `aws:principaltag/t = q, k:set = zq`},
		{"one of a set that is the caller", where(only("z${aws:PrincipalArn}", "a"), iam.When("ForAnyValue:StringLike", "k:set", "z*")), `arn:x:x:x:x:x: iam:CreateAccessKey on arn:aws:iam:us-east-1:123456789012:any with k:set = zarn:x:x:x:x:x`},
		{"both", where(iam.When("StringLike", "k:v", tag+"*"), iam.When("StringLike", "k:w", "x"+tag)), likely + `aws:principaltag/t = x, k:v = xx, k:w = xx`},
	} {
		if c.Witness == nil {
			t.Errorf("%s: %+v", c.what, c.Answer)
		} else if got := Sentence(*c.Witness); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.what, got, c.want)
		}
	}
}

func TestWhatFollowsFromACaller(t *testing.T) {
	callers := []string{"Aarn:aws:iam::111111111111:role/r", "Slambda.amazonaws.com", "Fidp.example", "N", ""}
	for key, want := range map[string][]string{
		"aws:principalarn":         {"arn:aws:iam::111111111111:role/r", "-", "-", "-", "-"},
		"aws:principalaccount":     {"111111111111", "-", "-", "-", "-"},
		"aws:principalservicename": {"-", "lambda.amazonaws.com", "-", "-", "-"},
		"k:u":                      {"-", "-", "-", "-", "-"},
	} {
		for i, who := range callers {
			if got := fromCaller(key, who, "-"); got != want[i] {
				t.Errorf("%s of %q is %q, want %q", key, who, got, want[i])
			}
		}
	}
}

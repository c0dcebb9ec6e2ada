package proof

import (
	"strings"
	"testing"

	"remit/iam"
)

// TestADoubtSaysWhatIsDoubtful: whoever reads an unknown must find what made it one.
func TestADoubtSaysWhatIsDoubtful(t *testing.T) {
	two := iam.When("ForAnyValue:StringEquals", "k:s", "a")
	for _, c := range []struct {
		when []iam.Condition
		want string
	}{
		{[]iam.Condition{iam.When("StringMatches", "k:a", "x")}, `StringMatches k:a: unknown condition operator "StringMatches"`},
		{[]iam.Condition{two, iam.When("StringEquals", "k:s", "b")}, `StringEquals k:s: the key has several values, the operator reads one`},
		{[]iam.Condition{iam.When("StringEquals", "k:n", "1"), iam.When("NumericEquals", "k:n", "2")}, `NumericEquals k:n: the key is compared as text and as something else`},
		{[]iam.Condition{iam.When("DateEquals", "k:n", "2026"), iam.When("NumericEquals", "k:n", "2026")}, `DateEquals k:n: the key is compared as text and as something else; NumericEquals k:n: the key is compared as text and as something else`},
		{[]iam.Condition{iam.When("Bool", "k:n", "true"), iam.When("NumericEquals", "k:n", "1")}, `Bool k:n: the key is compared as text and as something else; NumericEquals k:n: the key is compared as text and as something else`},
		{[]iam.Condition{iam.When("NumericEquals", "aws:PrincipalArn", "1")}, `NumericEquals aws:PrincipalArn: the key is text`},
		{[]iam.Condition{iam.When("Null", "k:a", "maybe")}, `Null k:a: "maybe" is neither true nor false`},
		{[]iam.Condition{iam.When("Bool", "k:b", "1")}, `Bool k:b: "1" is neither true nor false`},
		{[]iam.Condition{iam.When("NumericEquals", "k:n", "${k:m}")}, `NumericEquals k:n: "${k:m}": a variable where a value is measured`},
		{[]iam.Condition{iam.When("NumericEquals", "k:n", "x")}, `NumericEquals k:n: "x" is not a number`},
		{[]iam.Condition{iam.When("NumericEquals", "k:n", strings.Repeat("1", longest+1))}, `NumericEquals k:n: "` + strings.Repeat("1", longest+1) + `" is longer than 48 characters`},
		{[]iam.Condition{iam.When("NumericEquals", "k:n", strings.Repeat("1", longest))}, ``},
		{[]iam.Condition{iam.When("DateEquals", "k:d", strings.Repeat("1", longest+1))}, `DateEquals k:d: "` + strings.Repeat("1", longest+1) + `" is not a date`},
		{[]iam.Condition{iam.When("IpAddress", "k:i", "10/8")}, `IpAddress k:i: "10/8" is not a range of addresses`},
		{[]iam.Condition{iam.When("StringEquals", "k:v", "${x")}, `StringEquals k:v: "${x": ${x is no policy variable`},
		{[]iam.Condition{iam.When("StringEquals", "k:v", "\U000f0000")}, `StringEquals k:v: "\U000f0000" holds private characters`},
		{[]iam.Condition{iam.When("StringNotEquals", "k:v", "${k:t, 'd'}")}, `a variable with a default stands in a negated or ForAllValues comparison`},
		{[]iam.Condition{iam.When("StringEquals", "k:v", "${k:a,'d'}${k:b,'d'}${k:c,'d'}${k:d,'d'}${k:e,'d'}")}, `StringEquals k:v: "${k:a,'d'}${k:b,'d'}${k:c,'d'}${k:d,'d'}${k:e,'d'}" has more defaults than are looked at together`},
		{[]iam.Condition{iam.When("Bool", "k:b", "1", "2")}, `Bool k:b: "1" is neither true nor false`},
		{[]iam.Condition{iam.When("Null", "k:b", "1", "1")}, `Null k:b: "1" is neither true nor false`},
		{[]iam.Condition{iam.When("IpAddress", "k:i", "10.0.0.0/8"), iam.When("Bool", "k:b", "FALSE"), iam.When("DateEquals", "k:d", "2026"), two}, ``},
	} {
		d := kept(c.when...)
		compiler := newCompiler(&work{left: 1000}, iam.Whole, []iam.Document{d})
		compiler.pattern(&d.Statements[0], iam.Version, false)
		if got := strings.Join(compiler.doubts, "; "); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

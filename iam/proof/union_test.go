package proof

import (
	"math/rand/v2"
	"testing"

	"remit/iam"
)

// TestUnionsOfBoxesAreDecidedExactly asks where every request can be tried: three keys that
// are true, false or absent, two actions, two resources. No answer may be wrong, and none
// unknown.
func TestUnionsOfBoxesAreDecidedExactly(t *testing.T) {
	by := rand.New(rand.NewPCG(9, 1))
	pick := func(from ...string) string { return from[by.IntN(len(from))] }
	random := func() iam.Document {
		var d iam.Document
		for range 1 + by.IntN(6) {
			s := iam.Statement{Effect: iam.Effect(by.IntN(4) > 0), Actions: iam.Of(pick("*", "*", "s:a", "s:b")), Resources: iam.Of(pick("*", "*", "r1", "r2"))}
			for range by.IntN(4) {
				s.When = append(s.When, iam.When(pick("Bool", "BoolIfExists", "Null"), pick("x:a", "x:b", "x:c"), pick("true", "false")))
			}
			d.Statements = append(d.Statements, s)
		}
		return d
	}
	requests := everyRequest()
	yes, no := 0, 0
	for range 6_000 {
		s := Search{Within: []iam.Document{random()}, Beyond: []iam.Document{random()}}
		switch by.IntN(4) {
		case 0:
			s.Within[0] = iam.Doc(allow("All", "*", "*"))
		case 1:
			s = Search{Within: []iam.Document{random(), random()}}
		case 2:
			s.Beyond = append(s.Beyond, random())
		}
		exists := false
		for _, r := range requests {
			exists = exists || s.shows(r) == nil
		}
		a := s.Run()
		switch {
		case a.Why != "" || a.Yes == (a.Witness != nil):
			t.Fatalf("a question that can be tried out is unknown: %+v\n%s", a, s.text())
		case a.Yes && exists:
			t.Fatalf("proved, and a request breaks it\n%s", s.text())
		case !a.Yes && !exists && inside(*a.Witness):
			t.Fatalf("refuted by %s, and no request breaks it\n%s", Sentence(*a.Witness), s.text())
		case a.Yes:
			yes++
		default:
			no++
		}
	}
	if yes < 500 || no < 500 {
		t.Errorf("%d yes, %d no: the pools no longer reach both", yes, no)
	}
}

func everyRequest() []iam.Request {
	var out []iam.Request
	for i := range 2 * 2 * 27 {
		r := iam.Request{Principal: "arn:aws:iam::111111111111:role/r", Action: []string{"s:a", "s:b"}[i%2], Resource: []string{"r1", "r2"}[i/2%2], Context: map[string][]string{}}
		for at, key := range []string{"x:a", "x:b", "x:c"} {
			if v := i / 4 / []int{1, 3, 9}[at] % 3; v > 0 {
				r.Context[key] = []string{[]string{"", "true", "false"}[v]}
			}
		}
		out = append(out, r)
	}
	return out
}

// inside reports whether a request is one of those that were tried.
func inside(r iam.Request) bool {
	return (r.Action == "s:a" || r.Action == "s:b") && (r.Resource == "r1" || r.Resource == "r2")
}

package proof

import (
	"fmt"
	"strings"
	"testing"

	"remit/iam"
)

func many(n int, g glob) *lang {
	l := union(false)
	for range n {
		l.globs = append(l.globs, g)
	}
	return l
}

// TestWorkIsCountedByWhatIsLookedAt states what each step of a search takes, because a
// budget that is not spent is a hang.
func TestWorkIsCountedByWhatIsLookedAt(t *testing.T) {
	sixteen := many(16, glob{'a', iam.Run})
	wide := iam.Statement{Effect: iam.Allow, Actions: iam.Of(strings.Fields("a b c d e f g h")...), Resources: iam.Of("r", "s", "t", "u")}
	search := func(w *work) *search {
		return &search{compiler: newCompiler(w, iam.Whole, nil), memo: map[string]bool{}}
	}
	for what, c := range map[string]struct {
		spend func(*work)
		steps int
	}{
		"no language":                        {func(w *work) { w.spend((*lang)(nil).cost()) }, 1},
		"a language, by eight patterns":      {func(w *work) { w.spend(sixteen.cost()) }, 3},
		"texts are found at once":            {func(w *work) { w.spend(union(false, text("a"), text("b")).cost()) }, 1},
		"every language, and one":            {func(w *work) { w.spend(membership{in: []*lang{sixteen}, out: []*lang{nil}}.cost()) }, 5},
		"a statement, by four of its values": {func(w *work) { search(w).document(iam.Doc(wide), iam.Deny, true) }, 4},
		"each value of a list, by eight": {func(w *work) {
			search(w).admitted(strings.Fields(strings.Repeat("v ", 24)), []literal{{&atom{values: sixteen}, true}})
		}, 9},
		"a literal on a domain": {func(w *work) {
			search(w).with(domain{dim: "k:v", finite: true}, literal{&atom{values: union(false)}, true})
		}, 1},
		"each candidate, every language": {func(w *work) {
			membership{in: []*lang{union(false, text("a"), text("b")), union(false, text("c"))}}.solve(w)
		}, 6},
		"what begins as excluded, no further": {func(w *work) {
			membership{in: []*lang{many(1, glob{iam.One, iam.One})}, out: []*lang{many(1, glob{'a', iam.Run})}}.walk(-1, w)
		}, 3},
		"a letter, by four patterns": {func(w *work) { membership{in: []*lang{many(8, glob{iam.One})}}.walk(-1, w) }, 3},
	} {
		w := &work{left: 1000}
		c.spend(w)
		if took := 1000 - w.left; took != c.steps {
			t.Errorf("%s takes %d steps, want %d", what, took, c.steps)
		}
	}
}

func TestTextsAreTriedShortestFirst(t *testing.T) {
	l := union(false, text("ccc"), text("b"), text("dd"), text("a"), text(""), text("eeee"), text("cc"), text("bbb"))
	if got, want := strings.Join(l.strings(), " "), " a b cc dd bbb ccc eeee"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestALiteralAndItsNegationAreRememberedApartFromAllOthers(t *testing.T) {
	s, known := &search{}, map[int]literal{}
	for id := range 8 {
		for _, sign := range []bool{true, false} {
			l := literal{&atom{id: id}, sign}
			if other, twice := known[s.id(l)]; twice {
				t.Errorf("%d %v and %d %v are remembered as one", id, sign, other.id, other.sign)
			}
			known[s.id(l)] = l
		}
	}
}

func TestAGiantDocumentIsUnknownAndSaysWhere(t *testing.T) {
	var statements []iam.Statement
	for i := range 100_000 {
		statements = append(statements, allow("", "s3:GetObject", fmt.Sprintf("arn:aws:s3:::b%d/*", i)))
	}
	giant := iam.Doc(statements...)
	if a := Subset(giant, giant, 50_000); a.Yes || a.Witness != nil || !strings.Contains(a.Why, "at statement 4") {
		t.Errorf("a budget too small for the question must be unknown with the place: %+v", a)
	}
	if a := Subset(giant, iam.Doc(allow("", "s3:*", "*")), 5_000_000); !a.Yes {
		t.Errorf("100,000 statements within one that covers them: %+v", a)
	}
}

// TestOneStatementOfManyPatternsIsNotAHang is the other way to be giant.
func TestOneStatementOfManyPatternsIsNotAHang(t *testing.T) {
	a, b := allow("A", "s3:GetObject", ""), allow("B", "s3:GetObject", "")
	for i := range 20_000 {
		a.Resources.Of = append(a.Resources.Of, fmt.Sprintf("arn:aws:s3:::a%d*/x?", i))
		b.Resources.Of = append(b.Resources.Of, fmt.Sprintf("arn:aws:s3:::a%d*", i))
	}
	if answer := Subset(iam.Doc(a), iam.Doc(b), 100_000); answer.Yes || answer.Witness != nil || answer.Why == "" {
		t.Errorf("got %+v", answer)
	}
}

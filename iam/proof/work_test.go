package proof

import (
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

// TestPlacesThatDifferAreNeverTakenForOne, however long a pattern is: numbers of places are
// no characters, of which some are none.
func TestPlacesThatDifferAreNeverTakenForOne(t *testing.T) {
	k, known := &walker{}, map[string]int{}
	for _, at := range []int{1, 62, 63, 126, 127, 128, 0x3fff, 0xd7ff, 0xd800, 0xdfff, 0xe000, 0xfffd} {
		row := make([]bool, 0x10000)
		row[at] = true
		for n, rows := range [][][]bool{{row}, {row, {}}, {{}, row}, {row, {true}}, {{true}, row}} {
			key := k.key(&place{rows: rows})
			if other, twice := known[key]; twice {
				t.Errorf("place %d of %d is taken for %d", at, n, other)
			}
			known[key] = at
		}
	}
}

func TestThereIsAlwaysAnotherLetter(t *testing.T) {
	var all []rune
	for range 50 {
		next := other(all)
		for _, r := range all {
			if takes(r, next, true) {
				t.Fatalf("%q is %q in other case", next, r)
			}
		}
		all = append(all, next)
	}
	if got, want := string(all), "xyzwvuabcdefghijklmnopqrst0123456789-_\u4e00\u4e01\u4e02\u4e03\u4e04\u4e05\u4e06\u4e07\u4e08\u4e09\u4e0a\u4e0b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

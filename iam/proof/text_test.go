package proof

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"remit/iam"
)

// TestMembershipIsDecidedAsByTrying compares the search for a string with trying all
// short ones.
func TestMembershipIsDecidedAsByTrying(t *testing.T) {
	by := rand.New(rand.NewPCG(5, 1))
	pieces := []rune{'a', 'b', ':', 'A', iam.One, iam.Run, iam.FieldOne, iam.FieldRun, symbolX}
	texts := words(5)
	random := func() *lang {
		var some []glob
		for range 1 + by.IntN(2) {
			var g glob
			for range by.IntN(4) {
				g = append(g, pieces[by.IntN(len(pieces))])
			}
			some = append(some, g)
		}
		return union(by.IntN(5) == 0, some...)
	}
	says := func(l *lang, text, x string) bool {
		return slices.ContainsFunc(l.all(), func(g glob) bool {
			if l.fold {
				g, text = glob(strings.ToLower(string(g.kept()))).restored(g), strings.ToLower(text)
			}
			return g.says(text, x, "")
		})
	}
	found, none := 0, 0
	for range 20_000 {
		var m membership
		for range by.IntN(3) {
			m.in = append(m.in, random())
		}
		for range by.IntN(3) {
			m.out = append(m.out, random())
		}
		w := &work{left: 1_000_000}
		s, ok := m.solve(w)
		symbolic := slices.ContainsFunc(slices.Concat(m.in, m.out), (*lang).symbolic)
		if ok && !symbolic && (slices.ContainsFunc(m.in, func(l *lang) bool { return !l.holds(s) }) || slices.ContainsFunc(m.out, func(l *lang) bool { return l.holds(s) })) {
			t.Fatalf("%q is found and does not belong: %s", s, m.text())
		}
		if ok {
			found++
			continue
		}
		none++
		for _, x := range []string{"", "a", "b:"} {
			for _, text := range texts {
				if !slices.ContainsFunc(m.in, func(l *lang) bool { return !says(l, text, x) }) && !slices.ContainsFunc(m.out, func(l *lang) bool { return says(l, text, x) }) {
					t.Fatalf("no string is found, and %q is one where the variable is %q: %s", text, x, m.text())
				}
			}
		}
	}
	if found < 1000 || none < 1000 {
		t.Errorf("%d found, %d not: the pools no longer reach both", found, none)
	}
}

// kept and restored carry a glob's wildcards past strings.ToLower.
func (g glob) kept() []rune {
	out := slices.Clone([]rune(g))
	for i, r := range out {
		if r < 0 {
			out[i] = '\u4e00'
		}
	}
	return out
}

func (g glob) restored(from glob) glob {
	for i, r := range from {
		if r < 0 {
			g[i] = r
		}
	}
	return g
}

func (m membership) text() string {
	var b strings.Builder
	for i, l := range slices.Concat(m.in, m.out) {
		b.WriteString(map[bool]string{true: " in", false: " not in"}[i < len(m.in)])
		for _, g := range l.all() {
			b.WriteString(" " + g.pattern())
		}
	}
	return b.String()
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

package proof

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"remit/iam"
)

const symbolX, symbolY = firstSymbol, firstSymbol + 1

// meanings are what the two variables are taken to be, in turn.
var meanings = [][2]string{{"", "a"}, {"a", "b"}, {"b", "b"}, {":", "a"}, {"ab", ""}}

// words are all strings of a, b and colon up to a length.
func words(length int) []string {
	out := []string{""}
	for last := out; length > 0; length-- {
		var next []string
		for _, w := range last {
			for _, c := range "ab:" {
				next = append(next, w+string(c))
			}
		}
		out, last = append(out, next...), next
	}
	return out
}

// all are the globs up to a length over the given pieces.
func globs(pieces []rune, length int) []glob {
	out := []glob{{}}
	for last := out; length > 0; length-- {
		var next []glob
		for _, g := range last {
			for _, r := range pieces {
				next = append(next, append(slices.Clone(g), r))
			}
		}
		out, last = append(out, next...), next
	}
	return out
}

// says is matching by definition: it tries every way to part the text.
func (g glob) says(text, x, y string) bool {
	if len(g) == 0 {
		return text == ""
	}
	switch r := g[0]; r {
	case symbolX, symbolY:
		value := map[rune]string{symbolX: x, symbolY: y}[r]
		rest, ok := strings.CutPrefix(text, value)
		return ok && g[1:].says(rest, x, y)
	case iam.Run, iam.FieldRun:
		return g[1:].says(text, x, y) || text != "" && (r == iam.Run || text[0] != ':') && g.says(text[1:], x, y)
	case iam.One, iam.FieldOne:
		return text != "" && (r == iam.One || text[0] != ':') && g[1:].says(text[1:], x, y)
	default:
		return text != "" && rune(text[0]) == r && g[1:].says(text[1:], x, y)
	}
}

// TestGlobsMeanWhatTheyMatch compares holding, covering and overlapping with the strings
// themselves, for every small glob and every value of its variables.
func TestGlobsMeanWhatTheyMatch(t *testing.T) {
	all, texts := globs([]rune{'a', ':', iam.One, iam.Run, iam.FieldOne, iam.FieldRun, symbolX, symbolY}, 3), words(4)
	matched := make([][]string, len(all)) // by glob: what it matches under all meanings, in order
	for i, g := range all {
		for _, m := range meanings {
			var set []byte
			for _, text := range texts {
				says := g.says(text, m[0], m[1])
				set = append(set, map[bool]byte{true: '1', false: '0'}[says])
				if !g.symbolic() && g.holds(text, false) != says {
					t.Fatalf("%q holds %q: want %v", g.pattern(), text, says)
				}
			}
			matched[i] = append(matched[i], string(set))
		}
	}
	within := func(a, b string) bool {
		for i := range a {
			if a[i] == '1' && b[i] == '0' {
				return false
			}
		}
		return true
	}
	meet := func(a, b string) bool {
		for i := range a {
			if a[i] == '1' && b[i] == '1' {
				return true
			}
		}
		return false
	}
	covering, overlapping := 0, 0
	for i, g := range all {
		for j, sub := range all {
			covers, overlaps := g.covers(sub), g.overlaps(sub)
			if covers {
				covering++
			}
			if overlaps {
				overlapping++
			}
			for m := range meanings {
				if covers && !within(matched[j][m], matched[i][m]) {
					t.Fatalf("%q is said to cover %q, and misses some of it where the variables are %q", g.pattern(), sub.pattern(), meanings[m])
				}
				if !overlaps && meet(matched[i][m], matched[j][m]) {
					t.Fatalf("%q and %q are said to share no string, and do where the variables are %q", g.pattern(), sub.pattern(), meanings[m])
				}
			}
		}
		if !g.covers(g) {
			t.Fatalf("%q does not cover itself", g.pattern())
		}
	}
	if covering != 21_599 || overlapping != 315_729 {
		t.Errorf("%d pairs are seen to cover, %d may overlap: fewer, or more, is a shortcut that sees less", covering, overlapping)
	}
}

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

// TestNULIsACharacterLikeAnyOther: wildcards are the numbers below it.
func TestNULIsACharacterLikeAnyOther(t *testing.T) {
	for _, r := range []rune{iam.One, iam.Run, iam.FieldOne, iam.FieldRun, 0} {
		if !(glob{r}).holds("\x00", false) || !(glob{r}).covers(glob{0}) || !(glob{r}).overlaps(glob{0}) {
			t.Errorf("%d does not take it", r)
		}
		if (glob{0, 'a', r}).overlaps(glob{'b', r}) || !(glob{0, r, 'a'}).covers(glob{0, r, 'a'}) {
			t.Errorf("%d is taken for it", r)
		}
	}
	if s, ok := text("\x00").exact(); !ok || s != "\x00" {
		t.Errorf("it is no text: %q", s)
	}
	with := glob{0, iam.Run, iam.One}
	if s := string(with.sample()); s != "\x00xx" {
		t.Errorf("the sample is %q", s)
	}
	if s := with.pattern(); s != "\x00*?" {
		t.Errorf("the pattern is %q", s)
	}
	if !plain(0) || plain(firstSymbol) || plain(iam.One) || !plain(firstSymbol-1) {
		t.Error("plain is no longer every character that is no symbol")
	}
	m := membership{in: []*lang{union(false, glob{iam.Run, 0})}, out: []*lang{union(false, glob{iam.Run, 'a', iam.Run})}}
	if s, ok := m.solve(&work{left: 1000}); !ok || s != "\x00" {
		t.Errorf("the search finds %q, %v", s, ok)
	}
}

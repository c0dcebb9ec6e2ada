package proof

import (
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

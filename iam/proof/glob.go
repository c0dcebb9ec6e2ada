package proof

import (
	"slices"

	"remit/iam"
)

// glob is a set of strings: characters, iam's four wildcards, and symbols, which stand for
// the unknown value of a policy variable. A symbol is a rune of Unicode's last private
// plane, which no name in AWS holds.
type glob []rune

const (
	firstPrivate rune = 0xf0000 // from here on a text cannot be read: the runes are taken
	firstSymbol  rune = 0x100000
)

func isPrivate(r rune) bool { return r >= firstPrivate }

func isSymbol(r rune) bool { return r >= firstSymbol }

func runs(r rune) bool { return r == iam.Run || r == iam.FieldRun }

// exact is the one string that g stands for, if it is one.
func (g glob) exact() (string, bool) {
	for _, r := range g {
		if r < 0 || isSymbol(r) {
			return "", false
		}
	}
	return string(g), true
}

func (g glob) symbolic() bool { return slices.ContainsFunc(g, isSymbol) }

// meets reports whether r, in a pattern, takes all that c stands for in one step. Only *
// takes a symbol, because its value may be empty, long, or hold a colon.
func meets(r, c rune) bool {
	switch r {
	case iam.Run:
		return true
	case iam.One:
		return c >= 0 && !isSymbol(c) || c == iam.One || c == iam.FieldOne
	case iam.FieldRun:
		return c >= 0 && c != ':' && !isSymbol(c) || c == iam.FieldOne || c == iam.FieldRun
	case iam.FieldOne:
		return c >= 0 && c != ':' && !isSymbol(c) || c == iam.FieldOne
	}
	return r == c
}

// covers reports whether g holds everything in sub. It may miss, never err: a wildcard of
// sub counts as one character that only a wildcard as wide takes.
func (g glob) covers(sub glob) bool {
	if len(g) == 1 && g[0] == iam.Run {
		return true
	}
	g, sub, same := unlike(g, sub)
	if !same {
		return false
	}
	row := make([]bool, len(sub)+1)
	row[0] = true
	for _, r := range g {
		before := row[0]
		row[0] = row[0] && runs(r)
		for j, c := range sub {
			here := row[j+1]
			if runs(r) {
				row[j+1] = here || row[j] && meets(r, c)
			} else {
				row[j+1] = before && meets(r, c)
			}
			before = here
		}
	}
	return row[len(sub)]
}

// overlaps reports whether the two may share a string. It may say so wrongly, where
// wildcards of both meet; it never misses.
func (g glob) overlaps(other glob) bool {
	g, other, same := unlike(g, other)
	if !same {
		return false
	}
	for len(g) > 0 && len(other) > 0 && plain(g[len(g)-1]) && plain(other[len(other)-1]) {
		if g[len(g)-1] != other[len(other)-1] {
			return false
		}
		g, other = g[:len(g)-1], other[:len(other)-1]
	}
	if text, ok := g.exact(); ok {
		return other.loose().holds(text, false)
	}
	if text, ok := other.exact(); ok {
		return g.loose().holds(text, false)
	}
	return true
}

// unlike is both without the text that they begin with alike; same is false where they
// begin with different text.
func unlike(a, b glob) (restA, restB glob, same bool) {
	for len(a) > 0 && len(b) > 0 && plain(a[0]) && plain(b[0]) {
		if a[0] != b[0] {
			return a, b, false
		}
		a, b = a[1:], b[1:]
	}
	return a, b, true
}

func plain(r rune) bool { return r >= 0 && !isSymbol(r) }

// loose reads symbols as *, because their values are any string.
func (g glob) loose() glob {
	if !g.symbolic() {
		return g
	}
	out := slices.Clone(g)
	for i, r := range out {
		if isSymbol(r) {
			out[i] = iam.Run
		}
	}
	return out
}

// holds reports whether g matches text.
func (g glob) holds(text string, fold bool) bool {
	row := make([]bool, len(g)+1) // row[i]: g[:i] matches the text so far
	row[0] = true
	g.closure(row)
	for _, c := range text {
		if !g.step(row, c, fold) {
			return false
		}
	}
	return row[len(g)]
}

// step advances row over c, and reports whether anything is left to reach.
func (g glob) step(row []bool, c rune, fold bool) bool {
	alive := false
	for i := len(g); i >= 0; i-- {
		stays := i < len(g) && row[i] && runs(g[i]) && takes(g[i], c, fold)
		row[i] = stays || i > 0 && row[i-1] && !runs(g[i-1]) && takes(g[i-1], c, fold)
		alive = alive || row[i]
	}
	g.closure(row)
	return alive
}

// closure lets runs be empty.
func (g glob) closure(row []bool) {
	for i, r := range g {
		if runs(r) && row[i] {
			row[i+1] = true
		}
	}
}

func takes(r, c rune, fold bool) bool {
	return meets(r, c) || fold && iam.Fold(r) == iam.Fold(c)
}

// text is a glob from a plain string, in which nothing is special.
func text(s string) glob { return glob(s) }

func join(parts ...glob) glob { return slices.Concat(parts...) }

// fielded narrows wildcards to what stands between colons.
func (g glob) fielded() glob {
	out := slices.Clone(g)
	for i, r := range out {
		switch r {
		case iam.Run:
			out[i] = iam.FieldRun
		case iam.One:
			out[i] = iam.FieldOne
		}
	}
	return out
}

// lang is a union of globs; fold ignores case.
type lang struct {
	globs  []glob // those that are no single string, or all of them under fold
	exact  map[string]bool
	fold   bool
	sorted []string // the exact ones, once asked for
}

func union(fold bool, globs ...glob) *lang {
	l := &lang{fold: fold, exact: map[string]bool{}}
	for _, g := range globs {
		if s, ok := g.exact(); ok && !fold {
			l.exact[s] = true
			continue
		}
		l.globs = append(l.globs, g)
	}
	return l
}

func (l *lang) holds(s string) bool {
	return l.exact[s] || slices.ContainsFunc(l.globs, func(g glob) bool { return g.holds(s, l.fold) })
}

// all is every glob of the union, strings in order.
func (l *lang) all() []glob {
	out := slices.Clone(l.globs)
	for _, s := range l.strings() {
		out = append(out, text(s))
	}
	return out
}

func (l *lang) strings() []string {
	if len(l.sorted) == len(l.exact) {
		return l.sorted
	}
	out := make([]string, 0, len(l.exact))
	for s := range l.exact {
		out = append(out, s)
	}
	slices.SortFunc(out, byLength)
	l.sorted = out
	return out
}

// finite reports that the union is a list of strings.
func (l *lang) finite() bool { return len(l.globs) == 0 }

func (l *lang) symbolic() bool { return slices.ContainsFunc(l.globs, glob.symbolic) }

// covers reports that one glob of the union alone holds all of sub; it may miss.
func (l *lang) covers(sub glob) bool {
	if s, ok := sub.exact(); ok {
		return l.holds(s)
	}
	return slices.ContainsFunc(l.globs, func(g glob) bool { return g.covers(sub) })
}

// near is the union without what shares no string with p.
func (l *lang) near(p glob) *lang {
	if l.fold {
		return l
	}
	out := &lang{exact: map[string]bool{}}
	for _, g := range l.globs {
		if g.overlaps(p) {
			out.globs = append(out.globs, g)
		}
	}
	loose := p.loose()
	for s := range l.exact {
		if loose.holds(s, false) {
			out.exact[s] = true
		}
	}
	return out
}

// cost is what matching one string takes, in steps.
func (l *lang) cost() int {
	if l == nil {
		return 1
	}
	return 1 + len(l.globs)/8
}

// size is how many globs and strings it is.
func (l *lang) size() int { return len(l.globs) + len(l.exact) }

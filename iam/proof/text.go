package proof

import (
	"cmp"
	"encoding/binary"
	"slices"
	"unicode"

	"remit/iam"
)

// membership asks for one string: in every language of in, in none of out.
type membership struct{ in, out []*lang }

// solve finds such a string, or says that there is none; work is spent on the way. The
// string may hold symbols. Where variables are involved it may find a string that no
// value of theirs makes real, but never misses one that is.
func (m membership) solve(w *work) (string, bool) {
	if i := slices.IndexFunc(m.in, (*lang).finite); i >= 0 {
		return m.try(m.in[i].strings(), w)
	}
	if len(m.in) == 0 {
		m.in = []*lang{anything}
	}
	least := slices.MinFunc(m.in, func(a, b *lang) int { return cmp.Compare(a.size(), b.size()) })
	for _, p := range least.all() {
		if w.spent() {
			return "", true // undecided counts as found: the caller asks whether work is spent
		}
		if s, ok := m.within(p, least, w); ok {
			return s, true
		}
	}
	return "", false
}

// cost is what one look at every language takes, in steps.
func (m membership) cost() int {
	steps := 1
	for _, l := range slices.Concat(m.in, m.out) {
		steps += l.cost()
	}
	return steps
}

var anything = union(false, glob{iam.Run})

func (m membership) try(candidates []string, w *work) (string, bool) {
	for _, s := range candidates {
		if w.spend(m.cost()); w.spent() {
			return "", true
		}
		if m.holds(s) {
			return s, true
		}
	}
	return "", false
}

func (m membership) holds(s string) bool {
	for _, l := range m.in {
		if !l.holds(s) && !l.symbolic() {
			return false
		}
		if l.symbolic() && !slices.ContainsFunc(l.all(), func(g glob) bool { return g.loose().holds(s, l.fold) }) {
			return false
		}
	}
	return !slices.ContainsFunc(m.out, func(l *lang) bool { return l.holds(s) })
}

// within solves for the strings of one glob p of the language from.
func (m membership) within(p glob, from *lang, w *work) (string, bool) {
	w.spend(m.cost())
	narrow := membership{in: []*lang{{globs: []glob{p}, fold: from.fold}}}
	for _, l := range m.in {
		if l != from && (from.fold || !l.covers(p)) {
			narrow.in = append(narrow.in, l)
		}
	}
	for _, l := range m.out {
		if !from.fold && l.covers(p) {
			return "", false
		}
		if !from.fold {
			l = l.near(p)
		}
		if l.size() > 0 {
			narrow.out = append(narrow.out, l)
		}
	}
	if len(narrow.in) == 1 && len(narrow.out) == 0 {
		return string(p.sample()), true
	}
	return narrow.walkAll(w)
}

// sample is a short string of g, with something in the place of every run.
func (g glob) sample() []rune {
	out := make([]rune, 0, len(g))
	for _, r := range g {
		if r < 0 {
			r = 'x'
		}
		out = append(out, r)
	}
	return out
}

// walkAll looks for a string once for each language with variables, whose symbols it
// spells out while the others read them as anything. No string for one of them is none.
func (m membership) walkAll(w *work) (string, bool) {
	found, ok := "", false
	tried := false
	for i, l := range m.in {
		if l.symbolic() {
			tried = true
			if found, ok = m.walk(i, w); !ok {
				return "", false
			}
		}
	}
	if tried {
		return found, ok
	}
	return m.walk(-1, w)
}

// place is where a search stands: how far each glob of each language has come.
type place struct {
	rows [][]bool
	from *place
	by   rune
}

// walker searches strings by length. It reads the languages side by side, which is the
// product of their automata, built only as far as it is visited.
type walker struct {
	globs  []glob
	fold   []bool
	member []int // which language a glob belongs to
	in     int   // so many languages come from in
	langs  int
	keeper int
}

func (m membership) walk(keeper int, w *work) (string, bool) {
	k := &walker{in: len(m.in), langs: len(m.in) + len(m.out), keeper: keeper}
	for i, l := range slices.Concat(m.in, m.out) {
		for _, g := range l.all() {
			if i < k.in && i != keeper {
				g = g.loose()
			}
			k.globs, k.fold, k.member = append(k.globs, g), append(k.fold, l.fold), append(k.member, i)
		}
	}
	start := k.start()
	seen := map[string]bool{k.key(start): true}
	for queue := []*place{start}; len(queue) > 0 && !w.spent(); queue = queue[1:] {
		here := queue[0]
		if k.accepts(here) {
			return here.spell(), true
		}
		for _, c := range k.letters(here) {
			w.spend(1 + len(k.globs)/4)
			next := k.next(here, c)
			if next == nil {
				continue
			}
			if key := k.key(next); !seen[key] {
				seen[key] = true
				queue = append(queue, next)
			}
		}
	}
	return "", w.spent()
}

func (k *walker) start() *place {
	p := &place{}
	for _, g := range k.globs {
		row := make([]bool, len(g)+1)
		row[0] = true
		g.closure(row)
		p.rows = append(p.rows, row)
	}
	return p
}

// next reads one letter; nil means that no string from there can do.
func (k *walker) next(from *place, c rune) *place {
	to := &place{rows: make([][]bool, len(k.globs)), from: from, by: c}
	alive := make([]bool, k.langs)
	for i, g := range k.globs {
		row := slices.Clone(from.rows[i])
		to.rows[i] = row
		var left bool
		if isSymbol(c) && k.member[i] < k.in && k.member[i] != k.keeper {
			left = jump(row)
		} else {
			left = g.step(row, c, k.fold[i])
		}
		alive[k.member[i]] = alive[k.member[i]] || left
		if k.member[i] >= k.in && row[len(g)] && g[len(g)-1] == iam.Run {
			return nil // matches whatever follows
		}
	}
	if slices.Contains(alive[:k.in], false) {
		return nil
	}
	return to
}

// jump reads a symbol as any string: everything after the first reached place is reached.
func jump(row []bool) bool {
	first := slices.Index(row, true)
	for i := range row {
		row[i] = first >= 0 && i >= first
	}
	return first >= 0
}

func (k *walker) accepts(p *place) bool {
	accepted := make([]bool, k.langs)
	for i, row := range p.rows {
		accepted[k.member[i]] = accepted[k.member[i]] || row[len(row)-1]
	}
	return !slices.Contains(accepted[:k.in], false) && !slices.Contains(accepted[k.in:], true)
}

// letters are the characters that make a difference here, and one for all others.
func (k *walker) letters(p *place) []rune {
	var out []rune
	add := func(c rune) {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	for i, g := range k.globs {
		for j, r := range g {
			if !p.rows[i][j] {
				continue
			}
			if isSymbol(r) && k.member[i] != k.keeper || r < 0 && r > iam.FieldOne {
				continue // wildcards that take colons, and symbols nobody spells
			}
			switch {
			case r < 0:
				add(':')
			case k.fold[i] && !isSymbol(r):
				spellings(r, add)
			default:
				add(r)
			}
		}
	}
	return append(out, other(out))
}

// spellings are r in all its cases.
func spellings(r rune, each func(rune)) {
	each(r)
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		each(next)
	}
}

// other is a letter that is none of those: it stands for all that no pattern names here.
func other(than []rune) rune {
	for _, c := range "xyzwvuabcdefghijklmnopqrst0123456789-_" {
		if !slices.Contains(than, c) {
			return c
		}
	}
	c := rune(0x4e00) // ideographs have no case and there are more of them than patterns
	for slices.Contains(than, c) {
		c++
	}
	return c
}

func (k *walker) key(p *place) string {
	var out []byte
	for _, row := range p.rows {
		for i, on := range row {
			if on {
				out = binary.AppendUvarint(out, uint64(i+1))
			}
		}
		out = append(out, 0)
	}
	return string(out)
}

func (p *place) spell() string {
	var out []rune
	for ; p.from != nil; p = p.from {
		out = append(out, p.by)
	}
	slices.Reverse(out)
	return string(out)
}

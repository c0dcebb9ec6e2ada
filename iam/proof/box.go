package proof

import (
	"cmp"
	"slices"
	"strconv"
)

// domain is what is known of one dimension: the literals that hold of it, and where they
// leave a list of values, that list.
type domain struct {
	dim    string
	lits   []literal
	finite bool
	values []string
}

// box is a set of requests, dimension by dimension. Dimensions it does not list are free.
type box []domain

func (b box) at(dim string) (domain, int) {
	for i := range b {
		if b[i].dim == dim {
			return b[i], i
		}
	}
	return domain{dim: dim}, -1
}

// search looks through boxes for a request that confirm accepts.
type search struct {
	*compiler
	memo    map[string]bool
	confirm func(box) bool
}

// with narrows a domain by a literal, and reports whether anything is left.
func (s *search) with(d domain, l literal) (domain, bool) {
	if slices.Contains(d.lits, l) {
		return d, true
	}
	if slices.Contains(d.lits, l.not()) {
		return d, false
	}
	if s.spend(1); s.spent() {
		return d, true // undecided: whoever searches asks whether work is spent
	}
	out := domain{dim: d.dim, lits: append(slices.Clip(d.lits), l), finite: d.finite, values: d.values}
	if s.several(d.dim) {
		return out, s.memoized(out)
	}
	switch {
	case !d.finite && l.values == nil:
		out.finite, out.values = true, s.admitted(s.uses[d.dim].candidates(), out.lits)
	case !d.finite && l.wantsFit() && l.values.finite():
		out.finite, out.values = true, s.admitted(l.values.strings(), out.lits)
	case d.finite:
		out.values = s.admitted(d.values, []literal{l})
	default:
		return out, s.memoized(out)
	}
	return out, len(out.values) > 0 || out.absent()
}

// absent reports whether the key may be absent.
func (d domain) absent() bool {
	return d.dim != action && d.dim != resource && d.dim != caller &&
		!slices.ContainsFunc(d.lits, func(l literal) bool { return !l.ofAbsence() })
}

func (s *search) admitted(values []string, lits []literal) []string {
	for _, l := range lits {
		s.spend(len(values) * l.values.cost() / 8)
	}
	if s.spent() {
		return values
	}
	out := make([]string, 0, len(values))
	for _, v := range values {
		if !slices.ContainsFunc(lits, func(l literal) bool { return !l.admits(v) }) {
			out = append(out, v)
		}
	}
	return out
}

// admits reports whether the literal may be true of a value: a variable may stand for
// anything.
func (l literal) admits(v string) bool {
	if l.values != nil && l.wantsFit() && l.values.symbolic() {
		return l.values.holds(v) || slices.ContainsFunc(l.values.globs, func(g glob) bool { return g.loose().holds(v, l.values.fold) })
	}
	return l.ofValue(v)
}

func (s *search) memoized(d domain) bool {
	ids := make([]int, len(d.lits))
	for i, l := range d.lits {
		ids[i] = s.id(l)
	}
	slices.Sort(ids)
	var key []byte
	for _, id := range ids {
		key = strconv.AppendInt(append(key, ' '), int64(id), 36)
	}
	if known, ok := s.memo[string(key)]; ok {
		return known
	}
	_, possible := s.solve(d)
	s.memo[string(key)] = possible
	return possible
}

func (s *search) id(l literal) int {
	if l.sign {
		return l.id<<1 | 1
	}
	return l.id << 1
}

// solve finds values for a domain: none where the key is absent.
func (s *search) solve(d domain) ([]string, bool) {
	switch {
	case d.absent():
		return nil, true
	case d.finite: // a box keeps no domain without a value, so there is a first
		return d.values[:1], true
	case s.several(d.dim):
		return s.solveSet(d)
	}
	v, ok := s.solveOne(d, d.lits)
	return []string{v}, ok
}

// solveSet finds a set: what is said of every value holds for each, and each literal that
// wants some value gets one of its own.
func (s *search) solveSet(d domain) ([]string, bool) {
	var every, one []literal
	for _, l := range d.lits {
		if l.everyValue() {
			every = append(every, l)
		} else {
			one = append(one, l)
		}
	}
	if len(one) == 0 {
		v, ok := s.solveOne(d, every)
		return []string{v}, ok
	}
	var out []string
	for _, l := range one {
		v, ok := s.solveOne(d, append(slices.Clip(every), l))
		if !ok {
			return nil, false
		}
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out, true
}

func (s *search) solveOne(d domain, lits []literal) (string, bool) {
	if slices.ContainsFunc(lits, func(l literal) bool { return l.values == nil }) {
		fit := s.admitted(s.uses[d.dim].candidates(), lits)
		return append(fit, "")[0], len(fit) > 0
	}
	var m membership
	for _, l := range lits {
		if l.wantsFit() {
			m.in = append(m.in, l.values)
		} else {
			m.out = append(m.out, l.values)
		}
	}
	return m.solve(s.work)
}

// assert narrows a box, and reports whether anything is left.
func (s *search) assert(b box, lits ...literal) (box, bool) {
	for _, l := range lits {
		d, i := b.at(l.dim)
		next, ok := s.with(d, l)
		if !ok {
			return b, false
		}
		b = slices.Clone(b)
		if i < 0 {
			b = append(b, next)
		} else {
			b[i] = next
		}
	}
	return b, true
}

// find looks in a box for a request on which every clause has a true literal. False means
// there is none, unless work is spent.
func (s *search) find(b box, clauses []cube) bool {
	b, clauses, ok := s.propagate(b, clauses)
	if !ok || s.spent() {
		return false
	}
	if len(clauses) == 0 {
		return s.confirm(b)
	}
	shortest := slices.MinFunc(clauses, func(a, b cube) int { return cmp.Compare(len(a), len(b)) })
	rest := slices.DeleteFunc(slices.Clone(clauses), func(c cube) bool { return &c[0] == &shortest[0] })
	for _, l := range shortest {
		if half, ok := s.assert(b, l); ok && s.find(half, rest) {
			return true
		}
		if b, ok = s.assert(b, l.not()); !ok {
			return false
		}
	}
	return false
}

// propagate drops clauses that hold in the whole box and literals that hold nowhere in it,
// and asserts those that stand alone. It reports whether anything is left.
func (s *search) propagate(b box, clauses []cube) (box, []cube, bool) {
	for changed := true; changed; {
		changed = false
		var left []cube
		for _, clause := range clauses {
			open, holds := s.open(b, clause)
			switch {
			case holds:
			case len(open) == 0:
				return b, nil, false
			case len(open) == 1:
				b, changed = s.must(b, open[0]), true
			default:
				left = append(left, open)
			}
			if s.spent() {
				return b, nil, false
			}
		}
		clauses = left
	}
	return b, clauses, true
}

func (s *search) must(b box, l literal) box {
	b, _ = s.assert(b, l)
	return b
}

// open are the literals of a clause that hold in part of the box; holds reports that one
// holds in all of it.
func (s *search) open(b box, clause cube) (open cube, holds bool) {
	for _, l := range clause {
		d, _ := b.at(l.dim)
		if _, possible := s.with(d, l.not()); !possible {
			return nil, true
		}
		if _, possible := s.with(d, l); possible {
			open = append(open, l)
		}
	}
	return open, false
}

package catalog

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// pattern is a string with wildcards: runes, and the negative runes below.
type pattern []rune

const (
	one      rune = -1 - iota // any one rune
	run                       // any run of runes, even none
	fieldOne                  // any one rune but a colon
	fieldRun                  // any run of runes but colons, even none
)

// literal is s with nothing special in it.
func literal(s string) pattern { return pattern(s) }

// glob reads IAM's * and ?.
func glob(s string) pattern { return parse(s, nil) }

// parse reads * and ?, and, when hole is not nil, ${name} as hole says.
func parse(s string, hole func(name string) pattern) pattern {
	p := make(pattern, 0, len(s))
	for s != "" {
		if name, after, ok := placeholder(s); ok && hole != nil {
			p = append(p, hole(name)...)
			s = after
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		switch r {
		case '*':
			r = run
		case '?':
			r = one
		}
		p = append(p, r)
		s = s[size:]
	}
	return p
}

// placeholder splits s after the ${name} it starts with.
func placeholder(s string) (name, after string, ok bool) {
	s, ok = strings.CutPrefix(s, "${")
	if !ok {
		return "", "", false
	}
	return strings.Cut(s, "}")
}

// covers reports whether p matches all that sub stands for. A wildcard in sub is
// taken as a character that only wildcards match, and so as at least one:
// "${Bucket}/${Object}" covers "b/*".
func covers(p, sub pattern) bool {
	row := make([]bool, len(sub)+1) // row[j]: p so far covers sub[:j]
	row[0] = true
	for _, r := range p {
		if !slices.Contains(row, true) {
			return false
		}
		diagonal := row[0]
		row[0] = row[0] && runs(r)
		for j, c := range sub {
			above := row[j+1]
			if runs(r) {
				row[j+1] = above || row[j] && meets(r, c)
			} else {
				row[j+1] = diagonal && meets(r, c)
			}
			diagonal = above
		}
	}
	return row[len(sub)]
}

// overlap reports whether some string matches both a and b.
func overlap(a, b pattern) bool {
	row := make([]bool, len(b)+1) // row[j]: a so far and b[:j] share a string
	row[0] = true
	for j, c := range b {
		row[j+1] = row[j] && runs(c)
	}
	for _, r := range a {
		diagonal := row[0]
		row[0] = row[0] && runs(r)
		for j, c := range b {
			above := row[j+1]
			switch meet := meets(r, c) || meets(c, r); {
			case runs(r) && runs(c):
				row[j+1] = above || row[j]
			case runs(r):
				row[j+1] = above || row[j] && meet
			case runs(c):
				row[j+1] = row[j] || above && meet
			default:
				row[j+1] = diagonal && meet
			}
			diagonal = above
		}
	}
	return row[len(b)]
}

// runs reports whether r stands for a run and not for one rune.
func runs(r rune) bool { return r == run || r == fieldRun }

// meets reports whether r, in a pattern, takes the rune c of what it matches.
func meets(r, c rune) bool {
	switch r {
	case one, run:
		return true
	case fieldOne, fieldRun:
		return c != ':'
	}
	return r == c
}

// words counts the characters p fixes, but for colons.
func words(p pattern) int {
	n := 0
	for _, r := range p {
		if r >= 0 && r != ':' {
			n++
		}
	}
	return n
}

package iam

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pattern is a value of a policy taken apart: characters, wildcards and variables. The
// zero Pattern matches the empty string.
type Pattern []Piece

// Piece is one part of a Pattern: a character, one of the wildcards, or a variable.
type Piece struct {
	Rune     rune      // a character, or One, Run, FieldOne, FieldRun
	Variable *Variable // set: Rune means nothing
}

// The wildcards. A field is what colons separate in an ARN.
const (
	One      rune = -1 - iota // ?: any one character
	Run                       // *: any run of characters, even none
	FieldOne                  // any one character but a colon
	FieldRun                  // any run of characters without a colon
)

// Variable is ${Key} or ${Key, 'Default'}.
type Variable struct {
	Key       string // in lower case
	Default   string
	Defaulted bool
}

// Reading is a way to read the wildcards of a pattern.
type Reading uint8

// AWS writes that wildcards stay "within the individual segments of an ARN", and that a *
// that ends a segment "can expand to match beyond the colon boundaries" (IAM User Guide,
// reference_policies_elements_resource). Whole lets every wildcard cross colons; Segments
// lets only the last * of a segment do so. Segments never matches more than Whole.
const (
	Literal   Reading = iota // no wildcards: StringEquals
	Whole                    // StringLike, actions; resources read widely
	Segments                 // resources read as documented
	SixFields                // ArnLike: the first five fields stand alone, the sixth is the rest
)

// ParsePattern takes text apart. Documents of version 2012-10-17 have variables and the
// escapes ${*}, ${?} and ${$}; others have neither. The error says which part cannot be
// read: an unclosed ${, a variable without a service prefix, or for SixFields too few
// fields.
func ParsePattern(text, version string, reading Reading) (Pattern, error) {
	fields := strings.SplitN(text, ":", 6)
	if reading == SixFields && len(fields) < 6 && !strings.Contains(text, "${") {
		return nil, fmt.Errorf("%q is not an ARN: it has %d of 6 fields", text, len(fields))
	}
	out, colons := make(Pattern, 0, len(text)), 0
	for rest := text; rest != ""; {
		if version == Version && strings.HasPrefix(rest, "${") {
			name, after, closed := strings.Cut(rest[2:], "}")
			piece, err := placeholder(name)
			if err != nil || !closed {
				return nil, fmt.Errorf("%q: ${%s is no policy variable", text, name)
			}
			out, rest = append(out, piece), after
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		if r == ':' {
			colons++
		}
		out = append(out, Piece{Rune: reading.wild(r, rest, colons)})
	}
	if reading == SixFields && colons < 5 {
		return nil, fmt.Errorf("%q is not an ARN: it has %d of 6 fields", text, colons+1)
	}
	return out, nil
}

// wild is what the character r means before rest, after so many colons.
func (r Reading) wild(c rune, rest string, colons int) rune {
	if r == Literal || c != '*' && c != '?' {
		return c
	}
	endsSegment := rest == "" || rest[0] == ':'
	field := r == SixFields && colons < 5 || r == Segments && (c == '?' || !endsSegment)
	switch {
	case c == '*' && field:
		return FieldRun
	case c == '*':
		return Run
	case field:
		return FieldOne
	}
	return One
}

func placeholder(name string) (Piece, error) {
	if name == "*" || name == "?" || name == "$" {
		return Piece{Rune: rune(name[0])}, nil
	}
	key, fallback, defaulted := strings.Cut(name, ",")
	v := Variable{Key: strings.ToLower(strings.TrimSpace(key)), Defaulted: defaulted}
	if defaulted {
		fallback = strings.TrimSpace(fallback)
		if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
			return Piece{}, fmt.Errorf("a default is written in single quotes")
		}
		v.Default = fallback[1 : len(fallback)-1]
	}
	if strings.IndexByte(v.Key, ':') < 1 {
		return Piece{}, fmt.Errorf("no context key")
	}
	return Piece{Variable: &v}, nil
}

// bind replaces the variables by their values, taken literally. It is no where a variable
// has neither value nor default, and maybe where it has several values, which AWS forbids
// (IAM User Guide, reference_policies_variables).
func (p Pattern) bind(context keys) (Pattern, truth) {
	out := make(Pattern, 0, len(p))
	for _, piece := range p {
		if piece.Variable == nil {
			out = append(out, piece)
			continue
		}
		values := context[piece.Variable.Key]
		switch {
		case len(values) > 1:
			return nil, maybe
		case len(values) == 0 && !piece.Variable.Defaulted:
			return nil, no
		case len(values) == 0:
			values = []string{piece.Variable.Default}
		}
		for _, r := range values[0] {
			out = append(out, Piece{Rune: r})
		}
	}
	return out, yes
}

// match reports whether a pattern without variables matches s; fold ignores case.
func (p Pattern) match(s string, fold bool) bool {
	for len(p) > 0 && p[0].Rune >= 0 {
		r, size := utf8.DecodeRuneInString(s)
		if size == 0 || !p[0].takes(r, fold) {
			return false
		}
		p, s = p[1:], s[size:]
	}
	if len(p) == 1 && p[0].Rune == Run {
		return true
	}
	return p.walk([]rune(s), fold)
}

// walk keeps, for each prefix of text, whether the pattern so far matches it.
func (p Pattern) walk(text []rune, fold bool) bool {
	reached := make([]bool, len(text)+1)
	reached[0] = true
	for _, piece := range p {
		run := piece.Rune == Run || piece.Rune == FieldRun
		before := reached[0]
		reached[0] = reached[0] && run
		for i, r := range text {
			here := reached[i+1]
			if run {
				reached[i+1] = here || reached[i] && piece.takes(r, fold)
			} else {
				reached[i+1] = before && piece.takes(r, fold)
			}
			before = here
		}
	}
	return reached[len(text)]
}

func (p Piece) takes(r rune, fold bool) bool {
	switch p.Rune {
	case One, Run:
		return true
	case FieldOne, FieldRun:
		return r != ':'
	}
	return p.Rune == r || fold && Fold(p.Rune) == Fold(r)
}

// Fold is the one rune that stands for r and all its spellings in other case, as
// [strings.EqualFold] compares.
func Fold(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

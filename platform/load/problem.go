package load

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"remit/terms"
)

// Problem is one thing wrong with a declaration. Code is stable and is what tests and
// tools match; Message is for people. Also names a second place the problem rests on.
type Problem struct {
	Code    string    `json:"code"`
	At      terms.Pos `json:"at"`
	Path    string    `json:"path,omitempty"`
	Message string    `json:"message"`
	Hint    string    `json:"hint,omitempty"`
	Also    terms.Pos `json:"also,omitzero"`
	Source  string    `json:"source,omitempty"`
}

// String is the problem as a terminal shows it: place, path, message and code, then the
// source line with a caret, then the hint.
func (p Problem) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: ", p.At)
	if p.Path != "" {
		fmt.Fprintf(&out, "%s: ", p.Path)
	}
	fmt.Fprintf(&out, "%s [%s]\n", p.Message, p.Code)
	if p.Source != "" {
		number := fmt.Sprint(p.At.Line)
		fmt.Fprintf(&out, "  %s | %s\n", number, p.Source)
		if p.At.Col <= mostRepeated {
			fmt.Fprintf(&out, "  %s | %s^\n", strings.Repeat(" ", len(number)), strings.Repeat(" ", max(0, p.At.Col-1)))
		}
	}
	if p.Also != (terms.Pos{}) {
		fmt.Fprintf(&out, "  also: %s\n", p.Also)
	}
	if p.Hint != "" {
		fmt.Fprintf(&out, "  hint: %s\n", p.Hint)
	}
	return out.String()
}

// mostRepeated is how many characters of a declaration's own text a problem repeats.
const mostRepeated = 160

// cut is text of a declaration as a problem repeats it: on one line, without characters
// that would steer the reader's terminal, and cut.
func cut(text string) string {
	count := 0
	for i := range text {
		if count == mostRepeated {
			text = text[:i] + "…"
			break
		}
		count++
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return strings.TrimRight(text, " ")
}

// Problems is everything wrong with a declaration, sorted by place. It is an error when
// it is not empty.
type Problems []Problem

// Error prints all problems.
func (p Problems) Error() string {
	var out strings.Builder
	for _, problem := range p {
		out.WriteString(problem.String())
	}
	return out.String()
}

func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(p)
}

// nearest finds the known word a misspelt one probably meant, or "".
func nearest(word string, known []string) string {
	best, at := "", 3
	for _, k := range known {
		if max(len(word)-len(k), len(k)-len(word)) >= at {
			continue
		}
		if d := distance(word, k); d < at && d < len(k) {
			best, at = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance, which is enough for typing mistakes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// oneOf is the hint for a word that is not among the known ones.
func oneOf(word string, known []string) string {
	if len(known) == 0 {
		return "none is declared"
	}
	if meant := nearest(word, known); meant != "" {
		return "did you mean " + meant + "?"
	}
	return "declared: " + cut(strings.Join(known, ", "))
}

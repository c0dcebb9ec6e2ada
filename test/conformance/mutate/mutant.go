package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// What becomes of a mutant, in the words of gremlins.
const (
	killed     = "KILLED"
	lived      = "LIVED"
	timedOut   = "TIMED OUT"
	notCovered = "NOT COVERED"
	notViable  = "NOT VIABLE" // it does not compile, so there is nothing to notice
)

// mutant is one changed token.
type mutant struct {
	file         string // in its package
	Line, Column int
	Type, Status string
}

// swaps are the mutations of gremlins v0.6.0 (internal/engine/mappings.go there): kind →
// token → what it becomes.
var swaps = map[string]map[string]string{
	"ARITHMETIC_BASE":         {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*"},
	"CONDITIONALS_BOUNDARY":   {">=": ">", ">": ">=", "<=": "<", "<": "<="},
	"CONDITIONALS_NEGATION":   {"==": "!=", "!=": "==", ">=": "<", "<": ">=", ">": "<=", "<=": ">"},
	"INCREMENT_DECREMENT":     {"++": "--", "--": "++"},
	"INVERT_ASSIGNMENTS":      {"+=": "-=", "*=": "/=", "/=": "*=", "%=": "%=", "-=": "+="},
	"INVERT_BITWISE":          {"&": "|", "|": "&", "^": "&", "&^": "&", "<<": ">>", ">>": "<<"},
	"INVERT_BWASSIGN":         {"&=": "|=", "|=": "&=", "^=": "&=", "&^=": "&=", "<<=": ">>=", ">>=": "<<="},
	"INVERT_LOGICAL":          {"&&": "||", "||": "&&"},
	"INVERT_LOOPCTRL":         {"break": "continue", "continue": "break"},
	"INVERT_NEGATIVES":        {"-": "+"},
	"REMOVE_SELF_ASSIGNMENTS": {"+=": "=", "&=": "=", "&^=": "=", "*=": "=", "|=": "=", "/=": "=", "%=": "=", "<<=": "=", ">>=": "=", "-=": "=", "^=": "="},
}

// at is where the mutant's token begins in a text, and the token: the longest that its kind
// changes.
func (m mutant) at(text []byte) (offset int, old string, err error) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if m.Line < 1 || m.Line > len(lines) || m.Column < 1 || m.Column > len(lines[m.Line-1]) {
		return 0, "", fmt.Errorf("%s:%d:%d is not in the file", m.file, m.Line, m.Column)
	}
	for _, line := range lines[:m.Line-1] {
		offset += len(line)
	}
	offset += m.Column - 1
	for candidate := range swaps[m.Type] {
		if bytes.HasPrefix(text[offset:], []byte(candidate)) && len(candidate) > len(old) {
			old = candidate
		}
	}
	return offset, old, nil
}

// applied is the text with the mutant's token changed.
func (m mutant) applied(text []byte) ([]byte, error) {
	offset, old, err := m.at(text)
	if err != nil {
		return nil, err
	}
	if old == "" {
		return nil, fmt.Errorf("%s:%d:%d: no token that %s changes", m.file, m.Line, m.Column, m.Type)
	}
	return []byte(string(text[:offset]) + swaps[m.Type][old] + string(text[offset+len(old):])), nil
}

// names are how the list calls mutants: file, function, kind, and the line with ‹› before
// the token. No line number, so that an edit elsewhere does not change a name. Of equal
// names in one file, the second gets a #2.
func (c copied) names(mutants []mutant) ([]string, error) {
	seen, out := map[string]int{}, make([]string, len(mutants))
	for i, m := range mutants {
		text, err := os.ReadFile(filepath.Join(c.dir, c.pkg, m.file))
		if err != nil {
			return nil, err
		}
		if out[i], err = m.name(c.pkg, text); err != nil {
			return nil, err
		}
		if seen[out[i]]++; seen[out[i]] > 1 {
			out[i] = fmt.Sprintf("%s #%d", out[i], seen[out[i]])
		}
	}
	return out, nil
}

func (m mutant) name(pkg string, text []byte) (string, error) {
	if _, _, err := m.at(text); err != nil {
		return "", err
	}
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, m.file, text, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	in := "-"
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && files.Position(f.Pos()).Line <= m.Line && m.Line <= files.Position(f.End()).Line {
			in = f.Name.Name
		}
	}
	line := strings.Split(string(text), "\n")[m.Line-1]
	marked := strings.TrimSpace(line[:m.Column-1] + "‹›" + line[m.Column-1:])
	return fmt.Sprintf("%s/%s %s %s %s", pkg, m.file, in, m.Type, marked), nil
}

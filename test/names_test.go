package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"remit/platform"
)

// TestNoGoFileNamesACompanyAnEnvironmentAnAccountOrATool is what lets a third company be
// only a declaration: code that knows a name treats somebody differently.
func TestNoGoFileNamesACompanyAnEnvironmentAnAccountOrATool(t *testing.T) {
	var names []string
	for _, company := range companies(t) {
		names = append(names, declaredNames(declared(t, company))...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < 20 {
		t.Fatalf("only %d names to look for: %v", len(names), names)
	}
	for _, file := range goFiles(t) {
		if strings.Contains(file, "test/") {
			continue // what tests and measures the worked companies names them
		}
		for _, literal := range stringLiterals(t, file) {
			for _, name := range names {
				if holdsName(literal, name) {
					t.Errorf("%s says %q, a name that some company declared: %s", file, name, literal)
				}
			}
		}
	}
}

// ownWords are names that are words of the language, of AWS or of the command line (remit
// dev) before they are anyone's.
var ownWords = []string{"dev", platform.PlatformAccount, platform.Pipeline, "organization", "audit", "stable", "canary"}

func declaredNames(p *platform.Platform) []string {
	out := []string{p.Name}
	for _, e := range p.Environments {
		out = append(out, e.Name)
		for _, a := range e.Accounts {
			out = append(out, string(a.ID), a.Purpose)
		}
	}
	for _, t := range p.Tools {
		out = append(out, t.Name)
	}
	for _, a := range p.Agents {
		out = append(out, a.Name)
	}
	for _, r := range p.UserRoles {
		out = append(out, r.Name)
	}
	return slices.DeleteFunc(out, func(name string) bool { return slices.Contains(ownWords, name) })
}

// holdsName looks for the name as data: alone, or as a part of a path or identifier. In
// prose, between spaces, a word like stage means what it means.
func holdsName(text, name string) bool {
	return regexp.MustCompile(`[^A-Za-z0-9 ]` + regexp.QuoteMeta(name) + `[^A-Za-z0-9 ]`).MatchString(text)
}

// goFiles is all Go code that is not a test.
func goFiles(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() != ".." && strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// stringLiterals leaves out struct tags, which explain keys with examples.
func stringLiterals(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			n.Tag = nil
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				out = append(out, n.Value)
			}
		}
		return true
	})
	return out
}

func TestEveryPackageSaysInOneCommentWhatItIs(t *testing.T) {
	comments := map[string]int{}
	for _, file := range goFiles(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		comments[dir] += 0
		if parsed.Doc != nil {
			comments[dir]++
		}
	}
	for dir, n := range comments {
		if n != 1 {
			t.Errorf("%s has %d package comments; it needs one, that says what it knows and refuses to know", dir, n)
		}
	}
}

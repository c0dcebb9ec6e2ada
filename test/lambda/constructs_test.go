package lambda

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTheEnvironmentsHereAreTheOnesThatAreDeployed reads the constructs as text, because
// synthesizing them takes Node: what is set there and not here, or here and not there, would
// make these tests run other functions than the deployed ones.
func TestTheEnvironmentsHereAreTheOnesThatAreDeployed(t *testing.T) {
	w := deployed(t)
	l := w.lane("loan-processor", "stable")
	const asserting = "REMIT_CALL_KEY"                   // added where a lane asserts
	gated := []string{"REMIT_KEY_GATE", "REMIT_SIGNERS"} // added where somebody has to agree
	request := maps.Clone(l.request.Environment)
	delete(request, asserting)
	here := []string{named(w.entry.Environment), named(request), named(l.response.Environment), named(l.reachEnvironment()), named(l.brokerEnvironment()), named(w.sweepEnvironment()), named(w.approveEnvironment()), named(w.closingEnvironment()), named(w.operateEnvironment()), named(w.watchEnvironment()), named(w.meterEnvironment()), named(w.gateEnvironment()), named(w.hookEnvironment())}
	there, added := literals(t)
	if !slices.Equal(added, append([]string{asserting}, gated...)) {
		t.Errorf("constructs add %v to environments", added)
	}
	there = slices.DeleteFunc(there, func(e string) bool { return strings.Contains(e, "REMIT_PROMPTS") }) // the agent's own container, no function
	slices.Sort(here)
	if got := slices.Compact(here); !slices.Equal(got, there) {
		t.Errorf("functions run here with\n  %s\nand are deployed with\n  %s", strings.Join(got, "\n  "), strings.Join(there, "\n  "))
	}
}

// named are the names of a function's own variables.
func named[V any](environment map[string]V) string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(environment)), func(name string) bool { return !strings.HasPrefix(name, "REMIT_") })
	return strings.Join(names, " ")
}

// literals are the environments that constructs write out, and what they add to one.
func literals(t *testing.T) (environments, added []string) {
	t.Helper()
	files, err := filepath.Glob("constructs/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no constructs: %v", err)
	}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if found := keysOf(n); len(found) > 0 {
					environments = append(environments, named(found))
				}
			case *ast.IndexExpr:
				if name := variable(n.Index); name != "" {
					added = append(added, name)
				}
			}
			return true
		})
	}
	slices.Sort(environments)
	slices.Sort(added)
	return environments, added
}

func keysOf(literal *ast.CompositeLit) map[string]bool {
	out := map[string]bool{}
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok && variable(pair.Key) != "" {
			out[variable(pair.Key)] = true
		}
	}
	return out
}

// variable is a literal text that names one of our variables, else "".
func variable(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil || !strings.HasPrefix(text, "REMIT_") {
		return ""
	}
	return text
}

// Package absent is what a test says when something it needs is not on this machine: what was
// therefore not shown, and why. Where everything is required (REMIT_CONFORMANCE=1) it fails.
// make test ends with each such sentence. Start with [Skip].
package absent

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Skip ends the test. unshown completes the sentence "NOT RUN, so …"; why names what is absent
// and what to do.
func Skip(t testing.TB, unshown string, why any) {
	t.Helper()
	if os.Getenv("REMIT_CONFORMANCE") == "1" {
		t.Fatalf("nothing may be absent here (REMIT_CONFORMANCE=1), and %s: %v", unshown, why)
	}
	t.Skipf("NOT RUN, so %s: %v", unshown, why)
}

// Corpus is where public test vectors of a name lie: they are read, never kept here. up leads
// from the test's directory to the root of the module.
func Corpus(t testing.TB, up, name string) string {
	t.Helper()
	root := os.Getenv("REMIT_CORPORA")
	if root == "" {
		root = filepath.Join(up, "..", "shared", "corpora")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		Skip(t, "nothing was held to the corpus "+name, fmt.Sprintf("%v; set REMIT_CORPORA to where it is", err))
	}
	return dir
}

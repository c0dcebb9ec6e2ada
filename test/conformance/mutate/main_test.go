package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/test/conformance/listed"
)

const source = `package guard

const most = 8 << 4

func Admit(n int, known bool) bool {
	switch {
	case n > most:
		return false
	case known && n >= 0:
		return true
	}
	return false
}
`

// weak tests the cases of Admit but not its bound.
const weak = `package guard

import "testing"

func TestAdmit(t *testing.T) {
	if !Admit(1, true) || Admit(1, false) || Admit(-1, true) || Admit(1000, true) || !Admit(0, true) || !Admit(100, true) {
		t.Error("no")
	}
}
`

func planted(t *testing.T) copied {
	t.Helper()
	c := copied{dir: t.TempDir(), pkg: "guard", tmp: t.TempDir()}
	for name, text := range map[string]string{"go.mod": "module planted\n\ngo 1.26\n", "guard/guard.go": source, "guard/guard_test.go": weak} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(c.dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestWhatIsUndecidedIsTestedAlone plants a bound that no test holds, in a case, where
// coverage sees nothing, and others that one does; two ran out of time, and one lived.
func TestWhatIsUndecidedIsTestedAlone(t *testing.T) {
	c := planted(t)
	mutants := []mutant{
		{"guard.go", 3, 16, "INVERT_BITWISE", notCovered},
		{"guard.go", 7, 9, "CONDITIONALS_BOUNDARY", timedOut},
		{"guard.go", 7, 9, "CONDITIONALS_NEGATION", timedOut},
		{"guard.go", 9, 13, "INVERT_LOGICAL", lived},
		{"guard.go", 9, 18, "CONDITIONALS_BOUNDARY", notCovered},
	}
	if err := c.testUndecided(mutants, time.Minute); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mutants {
		got = append(got, m.Status)
	}
	if want := []string{killed, lived, killed, killed, killed}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if text, err := os.ReadFile(filepath.Join(c.dir, "guard/guard.go")); err != nil || string(text) != source {
		t.Errorf("the source stays mutated: %v\n%s", err, text)
	}
	names, err := c.names(mutants[1:3])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"guard/guard.go Admit CONDITIONALS_BOUNDARY case n ‹›> most:", "guard/guard.go Admit CONDITIONALS_NEGATION case n ‹›> most:"}
	if !slices.Equal(names, want) {
		t.Errorf("named %q, want %q", names, want)
	}
}

func TestTestsThatFailAnywayShowNothing(t *testing.T) {
	c := planted(t)
	if err := os.WriteFile(filepath.Join(c.dir, "guard/guard_test.go"), []byte(strings.Replace(weak, "Admit(1, false)", "Admit(1, true)", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.rehearse(); err == nil || !strings.Contains(err.Error(), "without any mutation") {
		t.Errorf("every mutant would pass for killed: %v", err)
	}
}

func TestTheLongestTokenOfAKindIsChanged(t *testing.T) {
	for _, c := range []struct{ text, kind, want string }{
		{"a <<= b", "INVERT_BWASSIGN", "a >>= b"},
		{"a &^= b", "REMOVE_SELF_ASSIGNMENTS", "a = b"},
		{"a &^ b", "INVERT_BITWISE", "a & b"},
		{"a >= b", "CONDITIONALS_BOUNDARY", "a > b"},
		{"a += b", "INVERT_ASSIGNMENTS", "a -= b"},
	} {
		if got, err := (mutant{"x.go", 1, 3, c.kind, timedOut}).applied([]byte(c.text)); err != nil || string(got) != c.want {
			t.Errorf("%s of %s: got %s, want %s, %v", c.kind, c.text, got, c.want, err)
		}
	}
}

func TestAMutantThatIsNotWhereItSaysIsAnError(t *testing.T) {
	for name, m := range map[string]mutant{
		"another token":   {"guard.go", 7, 7, "CONDITIONALS_BOUNDARY", notCovered},
		"another kind":    {"guard.go", 7, 9, "INVERT_LOGICAL", notCovered},
		"unknown kind":    {"guard.go", 7, 9, "SWAP", notCovered},
		"past the line":   {"guard.go", 7, 900, "CONDITIONALS_BOUNDARY", notCovered},
		"past the file":   {"guard.go", 700, 9, "CONDITIONALS_BOUNDARY", notCovered},
		"before any line": {"guard.go", 0, 0, "CONDITIONALS_BOUNDARY", notCovered},
	} {
		if text, err := m.applied([]byte(source)); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestTheListAndTheTestsAgreeOrTheRunFails(t *testing.T) {
	all := listed.Excuses{"guard/guard.go Admit X a": "why", "guard/deep/d.go F X a": "why", "guards/g.go F X a": "why"}
	mine := about(all, "guard")
	for name, c := range map[string]struct {
		survivors []string
		want      string
	}{
		"as listed":     {[]string{"guard/guard.go Admit X a"}, ""},
		"one more":      {[]string{"guard/guard.go Admit X a", "guard/guard.go Admit Y b"}, "no test notices: guard/guard.go Admit Y b"},
		"it is killed":  {nil, "is killed or gone, so its line must go: guard/guard.go Admit X a"},
		"another twice": {[]string{"guard/guard.go Admit X a", "guard/guard.go Admit X a #2"}, "no test notices: guard/guard.go Admit X a #2"},
	} {
		got := against(mine, c.survivors)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) || strings.Contains(got, "deep") || strings.Contains(got, "guards/") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTheCommittedSurvivorsEachHaveAReason(t *testing.T) {
	text, err := os.ReadFile("survivors.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listed.Read(string(text)); err != nil {
		t.Error(err)
	}
}

// Package faults plants mistakes in the worked companies' IAM and shows that verify finds each
// of them, with a request that the evaluator allows, and finds nothing where nothing was planted.
package faults

import (
	"path/filepath"
	"testing"

	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/platform/load"
	"remit/verify"
)

// today is fixed, so that no waiver ends by itself.
const today = "2026-11-24"

// declarations is every declaration of this repository, worked companies and the third one.
func declarations(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"../../environments/*/platform.yaml", "../third/*/platform.yaml", "../third/platform.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			out = append(out, filepath.Dir(f))
		}
	}
	if len(out) < 3 {
		t.Fatalf("only %d declarations were found, and three are promised: %v", len(out), out)
	}
	return out
}

func declared(t testing.TB, dir string) *platform.Platform {
	t.Helper()
	p, err := load.Dir(dir, today)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// intendedOf is what a declaration intends in all its environments and shared accounts together,
// bootstrap included.
func intendedOf(p *platform.Platform) iam.World {
	var w iam.World
	for _, e := range p.Environments {
		w = w.Plus(grants.Intended(p, e.Name))
	}
	return w.Plus(grants.Shared(p))
}

func TestTheDeclaredCompaniesVerifyClean(t *testing.T) {
	for _, dir := range declarations(t) {
		p := declared(t, dir)
		report := verify.Judge(verify.Case{World: intendedOf(p), Platform: p, Today: today})
		for _, f := range report.Findings {
			t.Errorf("%s\n%s", dir, f.Text(nil))
		}
		if report.World.Roles == 0 || report.World.Rules != len(verify.Rules) {
			t.Errorf("%s: %d roles and %d rules: nothing was judged", dir, report.World.Roles, report.World.Rules)
		}
	}
}

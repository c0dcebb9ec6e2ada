package test

import (
	"testing"
	"time"

	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/verify"
)

// intendedOf is what a declaration intends in all its environments together, bootstrap
// included.
func intendedOf(p *platform.Platform) iam.World {
	var w iam.World
	for _, e := range p.Environments {
		w = w.Plus(grants.Intended(p, e.Name))
	}
	return w
}

func TestTheDeclaredCompaniesVerifyClean(t *testing.T) {
	for _, company := range companies(t) {
		p := declared(t, company)
		start := time.Now()
		report := verify.Judge(verify.Case{World: intendedOf(p), Platform: p})
		t.Logf("%s: %d roles, %d rules, %v", company, report.World.Roles, report.World.Rules, time.Since(start))
		for _, f := range report.Findings {
			t.Errorf("%s\n%s", company, f.Text(nil))
		}
	}
}

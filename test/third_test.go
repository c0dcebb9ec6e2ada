package test

import (
	"testing"

	"remit/grants"
	"remit/platform/load"
)

// TestACompanyThatSomeoneDeclaredFromTheReadmeAloneStillWorks holds third/, written by
// someone who had read the README, the editor schemas and the command's help, and no code:
// a declaration is all that a further company takes.
func TestACompanyThatSomeoneDeclaredFromTheReadmeAloneStillWorks(t *testing.T) {
	p, err := load.Dir("third", today)
	if err != nil {
		t.Fatalf("a newcomer's declaration is refused now:\n%v", err)
	}
	for _, e := range p.Environments {
		w := grants.Intended(p, e.Name)
		if len(w.Roles) < 10 {
			t.Errorf("%s amounts to only %d roles", e.Name, len(w.Roles))
		}
		for _, r := range w.Roles {
			if r.Boundary == "" {
				t.Errorf("%s has no boundary", r.ARN)
			}
		}
	}
}

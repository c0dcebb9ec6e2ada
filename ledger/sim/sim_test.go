package sim

import (
	"testing"

	"remit/ledger"
	"remit/ledger/ledgertest"
)

func TestTheModelIsAStore(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledger.Store { return calm{newDatabase()} })
}

func TestSeedsShowNoViolation(t *testing.T) {
	steps, conflicts := 0, 0
	for seed := range uint64(300) {
		r := Run(seed)
		steps, conflicts = steps+r.Steps, conflicts+r.Conflicts
		if r.Violation != "" {
			t.Fatalf("seed %d, after %d steps: %s", seed, r.Steps, r.Violation)
		}
	}
	t.Logf("%d steps, %d conflicts", steps, conflicts)
}

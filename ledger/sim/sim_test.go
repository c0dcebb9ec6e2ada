package sim

import (
	"testing"

	"remit/ledger"
	"remit/ledger/ledgertest"
)

func TestTheModelIsAStore(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledger.Store { return &calm{d: newDatabase()} })
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

func TestEveryPlantedBugIsCaught(t *testing.T) {
	mutants := append(Bugs(), Conditions(100)...)
	caught := 0
	for _, m := range mutants {
		took, violation := m.Hunt(1_000)
		if took == 0 {
			t.Errorf("%s: not caught in 1,000 seeds; either no promise rests on it, or the oracle does not see that promise", m.Name)
			continue
		}
		caught++
		t.Logf("seed %3d  %-60s %s", took, m.Name, violation)
	}
	t.Logf("%d of %d caught", caught, len(mutants))
}

func TestUsersOfOneTenantContendWhenTheyOpenAndNeverWhenTheyCall(t *testing.T) {
	const clients = 64
	openOne, callOne := Contention(clients, true)
	openOwn, callOwn := Contention(clients, false)
	t.Logf("%d clients at once, conflicts while opening: %d in one tenant, %d in separate ones; while reserving: %d and %d", clients, openOne, openOwn, callOne, callOwn)
	if callOne != 0 || callOwn != 0 {
		t.Errorf("reserves of different users were in conflict: %d in one tenant, %d in separate ones", callOne, callOwn)
	}
	if openOwn != 0 {
		t.Errorf("openings of separate tenants were in conflict %d times", openOwn)
	}
}

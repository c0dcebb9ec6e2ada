package policy

import (
	"errors"
	"testing"
)

func TestTheZeroBundleAndTheZeroDecisionDeny(t *testing.T) {
	if (Decision{}).Allowed() || (&Bundle{}).Decide(Request{}).Allowed() {
		t.Error("a zero decision was allowed")
	}
	if kept, _, err := (&Bundle{}).Filter("any", []byte(`{"secret":1}`)); kept != nil || err == nil {
		t.Errorf("a zero bundle let %s leave", kept)
	}
	if b, err := Load([]byte(`{}`)); b != nil || !errors.Is(err, ErrBundle) {
		t.Error("an unreadable bundle was loaded")
	}
}

func TestOneFailedCheckOrOneConstraintDenies(t *testing.T) {
	all := Decision{Checks: [4]Check{{Effect: Allow}, {Effect: Allow}, {Effect: Allow}, {Effect: Allow}}}
	if !all.Allowed() {
		t.Fatal("four passing checks must allow")
	}
	for i := range all.Checks {
		one := all
		one.Checks[i].Effect = Deny
		if one.Allowed() {
			t.Errorf("check %d failed and the call was allowed", i)
		}
	}
	all.Constraints = []Reason{{Sentence: "canary is read-only"}}
	if all.Allowed() {
		t.Error("a constraint forbade the call and it was allowed")
	}
}

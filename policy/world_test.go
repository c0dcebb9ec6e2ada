package policy_test

import (
	"testing"

	"remit/policy"
	"remit/terms"
)

var lane = terms.Lane{Platform: "shop", Environment: "live", Agent: "seller", Name: "stable"}

// loaded is the bundle as a Lambda would get it: through its canonical bytes.
func loaded(t testing.TB, b policy.Bundle) *policy.Bundle {
	t.Helper()
	text, err := b.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	out, err := policy.Load(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text[:min(len(text), 2000)])
	}
	return out
}

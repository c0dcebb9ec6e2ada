package main

import (
	"context"
	"testing"
	"time"

	"remit/identity"
	"remit/terms"
)

var (
	noon   = time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)
	stable = terms.Lane{Platform: "p", Environment: "e", Agent: "helper", Name: "stable"}
	canary = terms.Lane{Platform: "p", Environment: "e", Agent: "helper", Name: "canary"}
)

const door = "https://door.example"

func newTestAgents(t *testing.T) (*agents, string) {
	t.Helper()
	signer, err := identity.NewLocalSigner(identity.RS256)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := identity.JWKS(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	token, err := identity.Mint(context.Background(), signer, identity.Delegation{
		Issuer: door, User: terms.User{ID: "ana", Tenant: "north", Roles: []string{"clerk"}}, Lane: stable, Execution: "ex-1", Purpose: "ordering", Deadline: noon.Add(time.Minute),
	}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return newAgents(door, keys), token
}

func TestALaneThatWasAskedAboutLendsItsTrustToNoOther(t *testing.T) {
	a, token := newTestAgents(t)
	for range 2 {
		if claims, err := a.Verify(context.Background(), token, stable.String(), noon); err != nil || claims.Lane != stable {
			t.Fatalf("the lane's own token: %+v, %v", claims, err)
		}
		if _, err := a.Verify(context.Background(), token, canary.String(), noon); err == nil {
			t.Error("one lane's token vends another lane's memory")
		}
	}
}

func TestALanesVerifierIsMadeOnce(t *testing.T) {
	a, _ := newTestAgents(t)
	first, err := a.of(stable.String())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := a.of(stable.String()); err != nil || again != first {
		t.Errorf("the keys are read, and every signature is checked, anew at each call: %v", err)
	}
}

func TestKeysThatVerifyNothingTrustNobody(t *testing.T) {
	_, token := newTestAgents(t)
	a := newAgents(door, []byte(`{"keys":[]}`))
	for range 2 { // a failure is not remembered as a verifier
		if _, err := a.Verify(context.Background(), token, stable.String(), noon); err == nil {
			t.Fatal("a token is trusted without any key")
		}
	}
}

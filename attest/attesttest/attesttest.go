// Package attesttest is signers for tests: each has a key of its own, made anew.
package attesttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"remit/attest"
)

// Signer signs with a key that is in memory. It implements attest.Signer.
type Signer struct{ key *ecdsa.PrivateKey }

// Sign implements [attest.Signer].
func (s Signer) Sign(_ context.Context, digest [32]byte) ([]byte, string, error) {
	signature, err := ecdsa.SignASN1(rand.Reader, s.key, digest[:])
	return signature, "test", err
}

// PEM is the public half.
func (s Signer) PEM(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// Everybody is a signer of each name, and the keys to check them with.
func Everybody(t testing.TB) (map[string]Signer, attest.Keys) {
	t.Helper()
	signers, keys := map[string]Signer{}, attest.Keys{}
	for _, name := range []string{attest.Judge, attest.Gate, attest.Evaluator} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		signers[name] = Signer{key}
		if keys[name], err = attest.PEM(signers[name].PEM(t)); err != nil {
			t.Fatal(err)
		}
	}
	return signers, keys
}

// Seal seals a statement, signed by each who is named.
func Seal(t testing.TB, signers map[string]Signer, statement any, by ...string) []byte {
	t.Helper()
	sealed, err := attest.Seal(t.Context(), by[0], signers[by[0]], statement)
	for _, name := range by[1:] {
		if err == nil {
			sealed, err = attest.Countersign(t.Context(), name, signers[name], sealed)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

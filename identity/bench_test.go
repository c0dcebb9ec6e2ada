package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"strings"
	"testing"
)

// Ratios, side by side in one run: a token seen for the first time, one seen before, and
// the bare signature check that no verifier can do without.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range []Algorithm{ES256, RS256} {
		s := newSigner(b, alg)
		raw, err := Mint(ctx, s, loanRun(), noon)
		if err != nil {
			b.Fatal(err)
		}
		dot := strings.LastIndex(raw, ".")
		sig, _ := decode(raw[dot+1:])
		b.Run(string(alg)+"/bare signature", func(b *testing.B) {
			for b.Loop() {
				digest, ok := sha256.Sum256([]byte(raw[:dot])), false
				switch k := s.private.Public().(type) {
				case *ecdsa.PublicKey:
					ok = ecdsa.Verify(k, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
				case *rsa.PublicKey:
					ok = rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], sig) == nil
				}
				if !ok {
					b.Fatal("not verified")
				}
			}
		})
		for name, memory := range map[string]int{"first sight": 0, "seen before": signatureMemory} {
			v := newVerifier(b, delegationIssuer(jwksOf(b, s)))
			v.signatures = newSignatures(memory)
			b.Run(string(alg)+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := v.Verify(ctx, raw, loans.String(), noon); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	v, huge := newDelegated(b).verifier, strings.Repeat(".", 1<<20)
	b.Run("oversized", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(ctx, huge, loans.String(), noon); err == nil {
				b.Fatal("trusted")
			}
		}
	})
}

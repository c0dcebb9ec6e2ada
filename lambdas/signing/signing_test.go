package signing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"remit/identity"
	"remit/terms"
)

var (
	ctx  = context.Background()
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	lane = terms.Lane{Platform: "acme", Environment: "test", Agent: "helper", Name: "stable"}
)

// hsm is KMS as far as signing sees it: it shows a public key and signs digests.
type hsm struct {
	private crypto.Signer
	shows   []byte // instead of the public key
	err     error
	asked   []string
}

func (h *hsm) GetPublicKey(_ context.Context, in *kms.GetPublicKeyInput, _ ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error) {
	h.asked = append(h.asked, "GetPublicKey "+*in.KeyId)
	der := h.shows
	if der == nil {
		var err error
		if der, err = x509.MarshalPKIXPublicKey(h.private.Public()); err != nil {
			return nil, err
		}
	}
	return &kms.GetPublicKeyOutput{PublicKey: der}, h.err
}

func (h *hsm) Sign(_ context.Context, in *kms.SignInput, _ ...func(*kms.Options)) (*kms.SignOutput, error) {
	h.asked = append(h.asked, fmt.Sprintf("Sign %s %s %s %d bytes", *in.KeyId, in.MessageType, in.SigningAlgorithm, len(in.Message)))
	if h.err != nil {
		return nil, h.err
	}
	sig, err := h.private.Sign(rand.Reader, in.Message, crypto.SHA256)
	return &kms.SignOutput{Signature: sig}, err
}

func ec(t testing.TB, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestATokenSignedByKMSIsTrustedUnderTheKeyThatWasPublished(t *testing.T) {
	for alg, private := range map[identity.Algorithm]crypto.Signer{identity.ES256: ec(t, elliptic.P256()), identity.RS256: rsaKey(t, 2048)} {
		h := &hsm{private: private}
		key, err := New(ctx, h, "key-1", alg)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := identity.Mint(ctx, key, identity.Delegation{Issuer: "https://door.example", User: terms.User{ID: "ana", Tenant: "north"}, Lane: lane, Execution: "ex-1", Purpose: "p", Deadline: noon.Add(time.Minute)}, noon)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		set, err := identity.JWKS(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		v, err := identity.NewVerifier(identity.Policy{Issuers: []identity.Issuer{{URL: "https://door.example", Kind: identity.KindDelegation, Audiences: []string{lane.String()},
			Algorithms: []identity.Algorithm{alg}, Types: []string{"at+jwt"}, MaxAge: time.Hour, Keys: identity.KeySource{Fixed: set}}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(ctx, raw, lane.String(), noon); err != nil {
			t.Errorf("%s: a gateway refuses what KMS signed: %v", alg, err)
		}
		spec := map[identity.Algorithm]string{identity.ES256: "ECDSA_SHA_256", identity.RS256: "RSASSA_PKCS1_V1_5_SHA_256"}[alg]
		if want := "[GetPublicKey key-1 Sign key-1 DIGEST " + spec + " 32 bytes]"; fmt.Sprint(h.asked) != want {
			t.Errorf("KMS was asked for %v, want %s", h.asked, want)
		}
		if kid, named := key.Key(); kid != key.Public().ID || named != alg || len(kid) != 43 {
			t.Errorf("the key calls itself %q for %s", kid, named)
		}
	}
}

func TestAKeyThatNoVerifierWouldUseIsRefusedAtTheStart(t *testing.T) {
	p256, rsa2048 := ec(t, elliptic.P256()), rsaKey(t, 2048)
	for name, c := range map[string]struct {
		hsm *hsm
		alg identity.Algorithm
	}{
		"KMS does not answer":            {&hsm{private: p256, err: errors.New("AccessDenied")}, identity.ES256},
		"no key":                         {&hsm{shows: []byte{}}, identity.ES256},
		"no public key":                  {&hsm{shows: []byte("nonsense")}, identity.ES256},
		"another curve":                  {&hsm{private: ec(t, elliptic.P384())}, identity.ES256},
		"RSA for ES256":                  {&hsm{private: rsa2048}, identity.ES256},
		"EC for RS256":                   {&hsm{private: p256}, identity.RS256},
		"an algorithm nobody signs here": {&hsm{private: rsa2048}, identity.PS256},
		"no algorithm":                   {&hsm{private: p256}, ""},
		"none":                           {&hsm{private: p256}, "none"},
	} {
		if key, err := New(ctx, c.hsm, "key-1", c.alg); err == nil || key != nil || !strings.Contains(err.Error(), "key-1") {
			t.Errorf("%s: a function starts, and every token of it will be refused: %v", name, err)
		}
	}
}

func TestWithoutKMSNothingIsSigned(t *testing.T) {
	h := &hsm{private: ec(t, elliptic.P256())}
	key, err := New(ctx, h, "key-1", identity.ES256)
	if err != nil {
		t.Fatal(err)
	}
	h.err = &types.KMSInternalException{}
	if sig, kid, err := key.Sign(ctx, [32]byte{1}); err == nil || sig != nil || kid != "" || !errors.Is(err, h.err) {
		t.Errorf("signed %x by %q, %v", sig, kid, err)
	}
}

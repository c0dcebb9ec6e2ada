// Package signing signs with keys that AWS KMS keeps and never shows. It knows KMS and the
// port [identity.Signer], and no token. Start with [New].
package signing

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"remit/identity"
)

// KMS is the part of the KMS API that signing takes: two methods here, two actions in the
// role (kms:GetPublicKey, kms:Sign).
type KMS interface {
	GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
	Sign(context.Context, *kms.SignInput, ...func(*kms.Options)) (*kms.SignOutput, error)
}

// Key is one signing key of KMS. Make it with [New].
type Key struct {
	client KMS
	id     string
	public identity.PublicKey
	spec   types.SigningAlgorithmSpec
}

// specs are the algorithms KMS signs with, by their JWS names (KMS Sign API; RFC 7518 §3.1).
var specs = map[identity.Algorithm]types.SigningAlgorithmSpec{
	identity.ES256: types.SigningAlgorithmSpecEcdsaSha256,
	identity.RS256: types.SigningAlgorithmSpecRsassaPkcs1V15Sha256,
}

// New asks KMS for the public half of a key and names the key by it. It fails when KMS does
// not answer, and for a key that a verifier would not use.
func New(ctx context.Context, client KMS, id string, alg identity.Algorithm) (*Key, error) {
	spec, signs := specs[alg]
	if !signs {
		return nil, fmt.Errorf("key %s: algorithm %q is not one that tokens are signed with here; use ES256 or RS256", id, alg)
	}
	out, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &id})
	if err != nil {
		return nil, fmt.Errorf("public half of key %s: %w", id, err)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("public half of key %s: %w", id, err)
	}
	public, err := identity.NewPublicKey(alg, parsed)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	return &Key{client, id, public, spec}, nil
}

// Key names the key by its thumbprint.
func (k *Key) Key() (kid string, alg identity.Algorithm) { return k.public.ID, k.public.Algorithm }

// Public is the half to publish.
func (k *Key) Public() identity.PublicKey { return k.public }

// Sign has KMS sign a digest. The private half stays there.
func (k *Key) Sign(ctx context.Context, digest [32]byte) (sig []byte, kid string, err error) {
	out, err := k.client.Sign(ctx, &kms.SignInput{KeyId: &k.id, Message: digest[:], MessageType: types.MessageTypeDigest, SigningAlgorithm: k.spec})
	if err != nil {
		return nil, "", fmt.Errorf("sign with key %s: %w", k.id, err)
	}
	return out.Signature, k.public.ID, nil
}

// Checking is the part of the KMS API that checking a signature takes: one method, one action in
// the role (kms:Verify).
type Checking interface {
	Verify(context.Context, *kms.VerifyInput, ...func(*kms.Options)) (*kms.VerifyOutput, error)
}

// Checked is a key of KMS, maybe of another account, that only checks signatures of ES256.
type Checked struct {
	Client Checking
	ID     string // an alias' ARN will do
}

// Verify is nil for a signature that the key made over the digest. KMS answers another one with
// an error, and so does this where KMS does not answer at all.
func (c Checked) Verify(ctx context.Context, digest [32]byte, signature []byte) error {
	out, err := c.Client.Verify(ctx, &kms.VerifyInput{KeyId: &c.ID, Message: digest[:], MessageType: types.MessageTypeDigest, Signature: signature, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256})
	if err != nil {
		return fmt.Errorf("check with key %s: %w", c.ID, err)
	}
	if !out.SignatureValid {
		return fmt.Errorf("key %s did not make it", c.ID)
	}
	return nil
}

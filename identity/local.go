package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
)

// LocalSigner signs with a key in memory, made when it is made and gone when it is gone:
// for tests and for a laptop. Nothing outside this process should trust it.
type LocalSigner struct {
	private crypto.Signer
	public  PublicKey
}

// NewLocalSigner makes a signer with a new key for ES256 or RS256.
func NewLocalSigner(alg Algorithm) (*LocalSigner, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		err = fmt.Errorf("identity: no local signer for algorithm %q", alg)
	}
	if err != nil {
		return nil, err
	}
	public, err := NewPublicKey(alg, private.Public())
	return &LocalSigner{private, public}, err
}

// Key names the key by its thumbprint.
func (l *LocalSigner) Key() (kid string, alg Algorithm) { return l.public.ID, l.public.Algorithm }

// Sign signs as AWS KMS does.
func (l *LocalSigner) Sign(_ context.Context, digest [32]byte) (sig []byte, kid string, err error) {
	sig, err = l.private.Sign(rand.Reader, digest[:], crypto.SHA256)
	return sig, l.public.ID, err
}

// Public is the half to publish with [JWKS].
func (l *LocalSigner) Public() PublicKey { return l.public }

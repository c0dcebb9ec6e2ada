// Package sealing keeps what must wait, arguments for their user's confirmation and results
// for duplicates, so that whoever reads the store reads nothing. It knows AES-GCM and where
// keys come from; what it seals is opaque. Start with [Sealer].
//
// A sealed text opens only under the tenant it was sealed for: the tenant is bound to the
// ciphertext here and to the data key in KMS (encryption context).
package sealing

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
)

// Keys makes and opens data keys for a tenant. A wrapped key is of no use without it.
type Keys interface {
	New(ctx context.Context, tenant string) (key, wrapped []byte, err error)
	Open(ctx context.Context, tenant string, wrapped []byte) (key []byte, err error)
}

// Sealer seals under a data key of its own for every text. The zero Sealer seals nothing.
type Sealer struct{ Keys Keys }

// ErrSealed is wrapped by every failure to open: another tenant, another key, other bytes.
var ErrSealed = errors.New("sealed: it does not open")

// maxWrapped bounds a wrapped key in bytes; KMS's are under 400.
const maxWrapped = 4096

// Seal answers a text that only [Sealer.Open] with the same tenant reads.
func (s Sealer) Seal(ctx context.Context, tenant string, plain []byte) ([]byte, error) {
	if s.Keys == nil {
		return nil, errors.New("seal: there are no keys")
	}
	key, wrapped, err := s.Keys.New(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	box, err := boxOf(key)
	if err != nil {
		return nil, fmt.Errorf("seal: the key cannot be used: %w", err)
	}
	if len(wrapped) > maxWrapped {
		return nil, fmt.Errorf("seal: the wrapped key has %d bytes, over %d", len(wrapped), maxWrapped)
	}
	out := binary.BigEndian.AppendUint16(nil, uint16(len(wrapped))) //nolint:gosec // G115: bounded above
	out = append(out, wrapped...)
	nonce := make([]byte, box.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return box.Seal(append(out, nonce...), nonce, plain, []byte(tenant)), nil
}

// Open reads what was sealed for the tenant. It fails with [ErrSealed].
func (s Sealer) Open(ctx context.Context, tenant string, sealed []byte) ([]byte, error) {
	if s.Keys == nil || len(sealed) < 2 {
		return nil, ErrSealed
	}
	size := int(binary.BigEndian.Uint16(sealed))
	if size > maxWrapped || len(sealed) < 2+size {
		return nil, ErrSealed
	}
	key, err := s.Keys.Open(ctx, tenant, sealed[2:2+size])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	box, err := boxOf(key)
	rest := sealed[2+size:]
	if err != nil || len(rest) < box.NonceSize() {
		return nil, ErrSealed
	}
	plain, err := box.Open(nil, rest[:box.NonceSize()], rest[box.NonceSize():], []byte(tenant))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func boxOf(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Local is a key in memory, gone when the process is: for tests and for a laptop.
type Local [32]byte

// NewLocal makes one.
func NewLocal() Local {
	var k Local
	_, _ = rand.Read(k[:]) // it never fails (crypto/rand)
	return k
}

// New answers the key itself and wraps nothing: it never leaves the process.
func (k Local) New(context.Context, string) (key, wrapped []byte, err error) { return k[:], nil, nil }

// Open answers the key.
func (k Local) Open(context.Context, string, []byte) ([]byte, error) { return k[:], nil }

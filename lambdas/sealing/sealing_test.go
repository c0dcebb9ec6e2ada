package sealing

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

func TestWhatIsSealedForOneTenantOpensForNoOther(t *testing.T) {
	s, ctx := Sealer{NewLocal()}, context.Background()
	sealed, err := s.Seal(ctx, "north", []byte("approve A-1007"))
	if err != nil || bytes.Contains(sealed, []byte("A-1007")) {
		t.Fatalf("not sealed: %q, %v", sealed, err)
	}
	if plain, err := s.Open(ctx, "north", sealed); err != nil || string(plain) != "approve A-1007" {
		t.Errorf("its own tenant reads %q, %v", plain, err)
	}
	if _, err := s.Open(ctx, "south", sealed); !errors.Is(err, ErrSealed) {
		t.Error("another tenant opened it")
	}
	if _, err := (Sealer{NewLocal()}).Open(ctx, "north", sealed); !errors.Is(err, ErrSealed) {
		t.Error("another key opened it")
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := s.Open(ctx, "north", changed); err == nil {
			t.Errorf("byte %d may be changed unnoticed", i)
		}
		if _, err := s.Open(ctx, "north", sealed[:i]); err == nil {
			t.Errorf("%d bytes of it open", i)
		}
	}
}

func TestWithoutKeysNothingIsSealedAndNothingOpens(t *testing.T) {
	if _, err := (Sealer{}).Seal(context.Background(), "t", nil); err == nil {
		t.Error("sealed without a key")
	}
	if _, err := (Sealer{}).Open(context.Background(), "t", []byte{0, 0}); !errors.Is(err, ErrSealed) {
		t.Error("opened without a key")
	}
}

type oddKeys struct{ key, wrapped []byte }

func (o oddKeys) New(context.Context, string) (key, wrapped []byte, err error) {
	return o.key, o.wrapped, nil
}
func (o oddKeys) Open(context.Context, string, []byte) ([]byte, error) { return o.key, nil }

func TestAKeyThatCannotBeUsedIsSaidPlainly(t *testing.T) {
	for want, keys := range map[string]oddKeys{
		"seal: the key cannot be used: crypto/aes: invalid key size 3": {[]byte("abc"), nil},
		"seal: the wrapped key has 4097 bytes, over 4096":              {make([]byte, 32), make([]byte, maxWrapped+1)},
	} {
		if _, err := (Sealer{keys}).Seal(context.Background(), "north", nil); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

package kmskeys

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"remit/lambdas/sealing"
)

var ctx = context.Background()

// vault is KMS as far as sealing sees it: a wrapped key opens under its own key and context
// and no other (AWS KMS Developer Guide, encrypt_context).
type vault struct {
	keys  map[string][]byte // key id, context and number → data key
	asked []string
	err   error
}

func (v *vault) under(id *string, context map[string]string) string {
	name := fmt.Sprint(*id, context)
	v.asked = append(v.asked, name)
	return name
}

func (v *vault) GenerateDataKey(_ context.Context, in *kms.GenerateDataKeyInput, _ ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error) {
	if v.err != nil || in.KeySpec != types.DataKeySpecAes256 || in.NumberOfBytes != nil {
		return nil, errors.Join(v.err, fmt.Errorf("spec %s", in.KeySpec))
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	wrapped := fmt.Sprintf("%s %d", v.under(in.KeyId, in.EncryptionContext), len(v.keys))
	v.keys[wrapped] = key
	return &kms.GenerateDataKeyOutput{Plaintext: key, CiphertextBlob: []byte(wrapped)}, nil
}

func (v *vault) Decrypt(_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	name := v.under(in.KeyId, in.EncryptionContext) + " "
	key, known := v.keys[string(in.CiphertextBlob)]
	if v.err != nil || !known || !bytes.HasPrefix(in.CiphertextBlob, []byte(name)) {
		return nil, errors.Join(v.err, &types.InvalidCiphertextException{})
	}
	return &kms.DecryptOutput{Plaintext: bytes.Clone(key)}, nil
}

func sealers() (ours, theirs sealing.Sealer, v *vault) {
	v = &vault{keys: map[string][]byte{}}
	return sealing.Sealer{Keys: KMS{v, "arn:key/ours"}}, sealing.Sealer{Keys: KMS{v, "arn:key/theirs"}}, v
}

func TestWhatIsSealedUnderKMSOpensForItsTenantAndKeyAlone(t *testing.T) {
	ours, theirs, v := sealers()
	sealed, err := ours.Seal(ctx, "north", []byte("pay 5 to O-1"))
	if err != nil || bytes.Contains(sealed, []byte("O-1")) {
		t.Fatalf("%q, %v", sealed, err)
	}
	for _, key := range v.keys {
		if bytes.Contains(sealed, key) {
			t.Error("the data key is stored beside what it seals")
		}
	}
	if plain, err := ours.Open(ctx, "north", sealed); err != nil || string(plain) != "pay 5 to O-1" {
		t.Errorf("its own tenant reads %q, %v", plain, err)
	}
	if want := "[arn:key/oursmap[tenant:north] arn:key/oursmap[tenant:north]]"; fmt.Sprint(v.asked) != want {
		t.Errorf("KMS was asked for %v, want %s: without the tenant as context the role's grant does not hold", v.asked, want)
	}
	if plain, err := ours.Open(ctx, "south", sealed); !errors.Is(err, sealing.ErrSealed) {
		t.Errorf("another tenant reads %q, %v", plain, err)
	}
	if plain, err := theirs.Open(ctx, "north", sealed); !errors.Is(err, sealing.ErrSealed) {
		t.Errorf("another key reads %q, %v", plain, err)
	}
}

func TestEachTextHasAKeyOfItsOwn(t *testing.T) {
	ours, _, v := sealers()
	for range 3 {
		if _, err := ours.Seal(ctx, "north", []byte("the same")); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.keys) != 3 {
		t.Errorf("3 texts share %d keys, so one key opens them all", len(v.keys))
	}
}

func TestWhenKMSDoesNotAnswerNothingIsSealedAndNothingOpens(t *testing.T) {
	ours, _, v := sealers()
	sealed, err := ours.Seal(ctx, "north", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	v.err = errors.New("KMS is throttled")
	if out, err := ours.Seal(ctx, "north", []byte("x")); !errors.Is(err, v.err) || out != nil {
		t.Errorf("sealed %q, %v", out, err)
	}
	if out, err := ours.Open(ctx, "north", sealed); !errors.Is(err, v.err) || !errors.Is(err, sealing.ErrSealed) || out != nil {
		t.Errorf("opened %q, %v", out, err)
	}
}

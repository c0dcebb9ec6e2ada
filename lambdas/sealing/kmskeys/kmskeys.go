// Package kmskeys makes data keys for sealing under a key of AWS KMS. It knows KMS and tenants,
// and nothing of what is sealed. Start with [KMS].
package kmskeys

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// API is the part of KMS that sealing takes: two methods, two actions in the role.
type API interface {
	GenerateDataKey(context.Context, *kms.GenerateDataKeyInput, ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// KMS makes data keys under one key of KMS, with the tenant as encryption context: the
// role's grant and the key's policy both want one.
type KMS struct {
	Client API
	Key    string
}

func forTenant(tenant string) map[string]string { return map[string]string{"tenant": tenant} }

// New asks KMS for a data key.
func (k KMS) New(ctx context.Context, tenant string) (key, wrapped []byte, err error) {
	out, err := k.Client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: &k.Key, KeySpec: types.DataKeySpecAes256, EncryptionContext: forTenant(tenant)})
	if err != nil {
		return nil, nil, err
	}
	return out.Plaintext, out.CiphertextBlob, nil
}

// Open has KMS unwrap a data key.
func (k KMS) Open(ctx context.Context, tenant string, wrapped []byte) ([]byte, error) {
	out, err := k.Client.Decrypt(ctx, &kms.DecryptInput{KeyId: &k.Key, CiphertextBlob: wrapped, EncryptionContext: forTenant(tenant)})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}

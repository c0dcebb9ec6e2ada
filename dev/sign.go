package dev

import (
	"context"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"

	"remit/identity"
)

// sign is dev's stand-in for the company's identity provider: a compact JWS by the key
// that dev publishes. Delegation tokens are package identity's own.
func sign(signer *identity.LocalSigner, header, claims map[string]any) (string, error) {
	head, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	der, _, err := signer.Sign(context.Background(), sha256.Sum256([]byte(signed)))
	if err != nil {
		return "", err
	}
	signature, err := fixedWidth(der)
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// fixedWidth turns the ASN.1 form of an ES256 signature into the one JWS wants: r and s,
// 32 bytes each (RFC 7518 §3.4).
func fixedWidth(der []byte) ([]byte, error) {
	var signature struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &signature); err != nil {
		return nil, err
	}
	return append(signature.R.FillBytes(make([]byte, 32)), signature.S.FillBytes(make([]byte, 32))...), nil
}

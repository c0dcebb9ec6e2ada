package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// stamp is what every token we make begins with.
type stamp struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Expires   int64  `json:"exp"`
	NotBefore int64  `json:"nbf"`
	IssuedAt  int64  `json:"iat"`
	JTI       string `json:"jti"`
}

func newStamp(issuer, audience string, now, expires time.Time) stamp {
	return stamp{issuer, audience, expires.Unix(), now.Unix(), now.Unix(), rand.Text()}
}

// sign makes a token in compact serialization. It signs only what a verifier would read.
func sign(ctx context.Context, signer Signer, typ string, claims any) (string, error) {
	kid, alg := signer.Key()
	if alg != ES256 && alg != RS256 || !isText(kid) {
		return "", fmt.Errorf("identity: cannot sign with key %q and algorithm %q", kid, alg)
	}
	header, err := json.Marshal(struct {
		Algorithm Algorithm `json:"alg"`
		KeyID     string    `json:"kid"`
		Type      string    `json:"typ"`
	}{alg, kid, typ})
	if err != nil {
		return "", fmt.Errorf("identity: write header: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("identity: write claims: %w", err)
	}
	signed := base64url.EncodeToString(header) + "." + base64url.EncodeToString(payload)
	signature, by, err := signer.Sign(ctx, sha256.Sum256([]byte(signed)))
	if err != nil {
		return "", fmt.Errorf("identity: sign: %w", err)
	}
	if by != kid {
		return "", errors.New("identity: the signing key was replaced meanwhile; try again")
	}
	if alg == ES256 {
		if signature, err = fromASN1(signature); err != nil {
			return "", err
		}
	}
	token := signed + "." + base64url.EncodeToString(signature)
	if len(token) > MaxToken {
		return "", errors.New("identity: the token would be too large to be read")
	}
	return token, nil
}

// fromASN1 turns KMS's form of an ECDSA signature into JWS's: r and s, 32 bytes each.
func fromASN1(der []byte) ([]byte, error) {
	var point struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &point)
	if err != nil || len(rest) != 0 || point.R.Sign() <= 0 || point.S.Sign() <= 0 || point.R.BitLen() > 256 || point.S.BitLen() > 256 {
		return nil, errors.New("identity: the signer returned no P-256 signature in ASN.1")
	}
	signature := make([]byte, 64)
	point.R.FillBytes(signature[:32])
	point.S.FillBytes(signature[32:])
	return signature, nil
}

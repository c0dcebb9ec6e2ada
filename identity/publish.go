package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// PublicKey is the public half of a signing key, ready to publish. Make it with
// [NewPublicKey].
type PublicKey struct {
	ID        string // RFC 7638 thumbprint: the key names itself
	Algorithm Algorithm
	jwk       object
}

// NewPublicKey names and binds a public key, such as the one KMS shows. It refuses what a
// [Verifier] would not use.
func NewPublicKey(alg Algorithm, public crypto.PublicKey) (PublicKey, error) {
	jwk := object{}
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil || len(point) != 65 {
			return PublicKey{}, errors.New("identity: publish: not a P-256 key")
		}
		jwk = object{"kty": "EC", "crv": "P-256", "x": base64url.EncodeToString(point[1:33]), "y": base64url.EncodeToString(point[33:])}
	case *rsa.PublicKey:
		jwk = object{"kty": "RSA", "n": base64url.EncodeToString(p.N.Bytes()), "e": base64url.EncodeToString(big.NewInt(int64(p.E)).Bytes())}
	}
	thumb := thumbprint(jwk)
	k := PublicKey{ID: base64url.EncodeToString(thumb[:]), Algorithm: alg, jwk: jwk}
	jwk["kid"], jwk["alg"], jwk["use"] = k.ID, string(alg), "sig"
	if _, err := readKey(jwk, standard); err != nil {
		return PublicKey{}, fmt.Errorf("identity: publish %s key: %w", alg, err)
	}
	return k, nil
}

// JWKS is the document to serve at the jwks_uri: the key that signs, the next one a
// cooldown before it does, and the last one until its tokens have expired.
func JWKS(keys ...PublicKey) ([]byte, error) {
	set := struct {
		Keys []object `json:"keys"`
	}{[]object{}}
	for _, k := range keys {
		if k.jwk == nil {
			return nil, errors.New("identity: publish: the zero key")
		}
		set.Keys = append(set.Keys, k.jwk)
	}
	return json.MarshalIndent(set, "", "  ")
}

// Discovery is the document to serve at issuer + /.well-known/openid-configuration, with
// what OpenID Connect Discovery 1.0 §3 requires and AgentCore's CUSTOM_JWT reads. There is
// no authorization endpoint, because nobody logs in here.
func Discovery(issuer, jwksURI string, algorithms ...Algorithm) ([]byte, error) {
	if issuer == "" || jwksURI == "" || len(algorithms) == 0 || slices.Contains(algorithms, "") {
		return nil, errors.New("identity: a discovery document needs issuer, jwks_uri and algorithms")
	}
	return json.MarshalIndent(struct {
		Issuer     string      `json:"issuer"`
		JWKS       string      `json:"jwks_uri"`
		Responses  []string    `json:"response_types_supported"`
		Subjects   []string    `json:"subject_types_supported"`
		Algorithms []Algorithm `json:"id_token_signing_alg_values_supported"`
	}{issuer, jwksURI, []string{"id_token"}, []string{"public"}, algorithms}, "", "  ")
}

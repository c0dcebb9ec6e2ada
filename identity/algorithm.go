package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"math/big"
)

// algorithm is one way to sign: which keys serve it, and how a signature is checked.
type algorithm struct {
	kty    string
	key    func(jwk object) (material any, err error)
	verify func(material any, signed, signature []byte) bool
}

// suite is what a verifier can check. An algorithm that is not in it does not exist:
// neither none nor HS256 has a line of code here.
type suite map[Algorithm]algorithm

var standard = suite{
	ES256: {"EC", readP256, verifyES256},
	RS256: {"RSA", readRSA, verifyRS256},
	PS256: {"RSA", readRSA, verifyPS256},
}

// verifyES256: r and s, 32 bytes each, and not ASN.1 (RFC 7518 §3.4).
func verifyES256(material any, signed, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	digest := sha256.Sum256(signed)
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return ecdsa.Verify(material.(*ecdsa.PublicKey), digest[:], r, s)
}

func verifyRS256(material any, signed, signature []byte) bool {
	digest := sha256.Sum256(signed)
	return rsa.VerifyPKCS1v15(material.(*rsa.PublicKey), crypto.SHA256, digest[:], signature) == nil
}

// verifyPS256: the salt is as long as the hash and not any length (RFC 7518 §3.5).
func verifyPS256(material any, signed, signature []byte) bool {
	digest := sha256.Sum256(signed)
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	return rsa.VerifyPSS(material.(*rsa.PublicKey), crypto.SHA256, digest[:], signature, options) == nil
}

var errUnusableKey = errors.New("not a key this product can use")

// readP256 refuses other curves, coordinates of another length, and points off the curve.
func readP256(jwk object) (any, error) {
	x, okX := jwk.bytes("x")
	y, okY := jwk.bytes("y")
	if jwk["crv"] != "P-256" || !okX || !okY || len(x) != 32 || len(y) != 32 {
		return nil, errUnusableKey
	}
	point := append(append([]byte{4}, x...), y...)
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}

// readRSA refuses keys that are too short, so long that checking them is an attack, with
// an exponent that signs nothing, or made by Infineon's broken generator.
func readRSA(jwk object) (any, error) {
	n, okN := jwk.bytes("n")
	e, okE := jwk.bytes("e")
	if !okN || !okE || len(e) > 4 {
		return nil, errUnusableKey
	}
	k := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if bits := k.N.BitLen(); bits < 2048 || bits > 8192 || k.N.Bit(0) == 0 || k.E < 3 || k.E >= 1<<31 || k.E%2 == 0 || isROCA(k.N) {
		return nil, errUnusableKey
	}
	return k, nil
}

// isROCA recognises the primes of CVE-2017-15361: modulo every small prime, n is a power
// of 65537. One honest key in a hundred million looks so by chance.
func isROCA(n *big.Int) bool {
	remainder := new(big.Int)
	for p := int64(3); p <= 167; p += 2 {
		if !big.NewInt(p).ProbablyPrime(0) {
			continue
		}
		r := remainder.Mod(n, big.NewInt(p)).Int64()
		power := int64(1)
		for range p {
			if power == r {
				break
			}
			power = power * 65537 % p
		}
		if power != r {
			return false
		}
	}
	return true
}

func (o object) bytes(name string) ([]byte, bool) {
	s, ok := o[name].(string)
	if !ok || s == "" {
		return nil, false
	}
	return decode(s)
}

// Package attest is what is said of a release under signature, and what follows from it: which
// templates may be deployed ([Attestation.Covers]), whether an evaluation is good enough
// ([Bar.Judge]) and whether the gate before an environment opens ([Question.Answer]). It knows
// in-toto statements in DSSE envelopes and no pipeline, no declaration and no AWS: keys and
// objects are ports. Start with [Open].
//
// An envelope bears the signature of each who answers for it, by name: the judge that looked at
// a release, the gate that let it in, the evaluator that measured it. Nothing in an envelope is
// read before the signatures that are asked for hold.
package attest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Who signs. Each has a key of its own that nobody else may sign with.
const (
	Judge     = "judge"     // looked at the release, and at what runs, and says what it means
	Gate      = "gate"      // let it in, after whoever had to agree had agreed
	Evaluator = "evaluator" // measured it
)

// payloadType is that of in-toto statements (in-toto attestation, spec/v1/envelope.md).
const payloadType = "application/vnd.in-toto+json"

// MaxEnvelope is the largest envelope that is read, in bytes: ten times that of a platform with
// fifty agents.
const MaxEnvelope = 8 << 20

// envelope is DSSE's (secure-systems-lab/dsse, envelope.md). Its library is not used: it brings
// SSH into functions that guard deployments, and prints.
type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // base64
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"` // base64
}

// preAuthentication is what is signed in the place of a payload, so that no payload of one type
// passes for another (DSSE, protocol.md: PAE).
func preAuthentication(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// Key checks signatures of one signer: ECDSA on P-256 over a SHA-256 digest, in ASN.1, as KMS
// signs. It answers nil for a good signature and for nothing else.
type Key interface {
	Verify(ctx context.Context, digest [32]byte, signature []byte) error
}

// Signer signs digests in one name: the signature, in ASN.1, and the name of its key.
type Signer interface {
	Sign(ctx context.Context, digest [32]byte) (signature []byte, kid string, err error)
}

// Keys is the key of each signer, by name. Whoever has none has signed nothing.
type Keys map[string]Key

// Seal puts a statement into an envelope and signs it.
func Seal(ctx context.Context, by string, signer Signer, statement any) ([]byte, error) {
	payload, err := json.Marshal(statement)
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	e := envelope{PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString(payload)}
	return sign(ctx, by, signer, e)
}

// Countersign adds a signature to an envelope, whose other signatures the caller has verified.
func Countersign(ctx context.Context, by string, signer Signer, sealed []byte) ([]byte, error) {
	e, err := read(sealed)
	if err != nil {
		return nil, err
	}
	return sign(ctx, by, signer, e)
}

func sign(ctx context.Context, by string, signer Signer, e envelope) ([]byte, error) {
	digest, _, err := signed(e)
	if err != nil {
		return nil, err
	}
	made, _, err := signer.Sign(ctx, digest)
	if err != nil {
		return nil, err
	}
	e.Signatures = append(e.Signatures, signature{KeyID: by, Sig: base64.StdEncoding.EncodeToString(made)})
	return json.Marshal(e)
}

// Open answers what an envelope says, if everybody named has signed it; otherwise an error says
// whose signature is missing or wrong. Without a name nothing is opened. Signatures of others
// are not looked at.
func Open(ctx context.Context, sealed []byte, keys Keys, signers ...string) ([]byte, error) {
	if len(signers) == 0 {
		return nil, errors.New("nobody's signature was asked for, so nothing is believed")
	}
	e, err := read(sealed)
	if err != nil {
		return nil, err
	}
	digest, payload, err := signed(e)
	if err != nil {
		return nil, err
	}
	for _, name := range signers {
		if err := signedBy(ctx, e, digest, name, keys[name]); err != nil {
			return nil, err
		}
	}
	return payload, nil
}

func read(sealed []byte) (envelope, error) {
	var e envelope
	if len(sealed) > MaxEnvelope {
		return e, fmt.Errorf("the envelope has %d bytes; more than %d are not read", len(sealed), MaxEnvelope)
	}
	if err := strictly(sealed, &e); err != nil {
		return e, fmt.Errorf("this is no DSSE envelope: %w", err)
	}
	if e.PayloadType != payloadType {
		return e, fmt.Errorf("the envelope holds %q, and no in-toto statement (%s)", e.PayloadType, payloadType)
	}
	return e, nil
}

// signed is the digest that is signed, and the payload (DSSE, protocol.md: PAE).
func signed(e envelope) ([32]byte, []byte, error) {
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return [32]byte{}, nil, fmt.Errorf("the envelope's payload: %w", err)
	}
	return sha256.Sum256(preAuthentication(e.PayloadType, payload)), payload, nil
}

// signedBy looks for one good signature of a signer; a key's id is only a hint, and whose key
// it is decides.
func signedBy(ctx context.Context, e envelope, digest [32]byte, name string, key Key) error {
	if key == nil {
		return fmt.Errorf("there is no key to check the %s's signature with", name)
	}
	why := fmt.Errorf("the %s has not signed this", name)
	for _, s := range e.Signatures {
		if s.KeyID != name {
			continue
		}
		made, err := base64.StdEncoding.DecodeString(s.Sig)
		if err == nil {
			err = key.Verify(ctx, digest, made)
		}
		if err == nil {
			return nil
		}
		why = fmt.Errorf("the signature in the %s's name does not hold: %w", name, err)
	}
	return why
}

// Signers is who is named in an envelope, verified or not, for people to read.
func Signers(sealed []byte) []string {
	e, err := read(sealed)
	if err != nil {
		return nil
	}
	var out []string
	for _, s := range e.Signatures {
		out = append(out, s.KeyID)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Public is a key by its public half. It asks nobody.
type Public struct{ key *ecdsa.PublicKey }

// PEM reads the public half of a signer's key, as 'aws kms get-public-key' gives it: SPKI, in
// PEM or in DER. Only P-256 is taken.
func PEM(text []byte) (Public, error) {
	if block, _ := pem.Decode(text); block != nil {
		text = block.Bytes
	}
	parsed, err := x509.ParsePKIXPublicKey(text)
	if err != nil {
		return Public{}, fmt.Errorf("this is no public key in PEM or DER: %w", err)
	}
	key, is := parsed.(*ecdsa.PublicKey)
	if !is || key.Curve != elliptic.P256() {
		return Public{}, fmt.Errorf("a signer's key is ECDSA on P-256, and this is %T", parsed)
	}
	return Public{key}, nil
}

// Verify implements [Key]. The zero Public verifies nothing.
func (p Public) Verify(_ context.Context, digest [32]byte, signature []byte) error {
	if p.key == nil || !ecdsa.VerifyASN1(p.key, digest[:], signature) {
		return errors.New("it is not this key's, or of something else")
	}
	return nil
}

// Digest is what a file or an envelope is called: its SHA-256, in hex.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// strictly decodes one JSON value that has no unknown member and nothing after it.
func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF { // More is false before a bracket that closes nothing
		return errors.New("something follows it")
	}
	return nil
}

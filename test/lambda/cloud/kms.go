package cloud

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"net/http"
)

// The keys that are there, by the ids under which functions ask for them.
const (
	DelegationKey = "11111111-0000-4000-8000-000000000001" // RSA_2048, signs
	CallKey       = "11111111-0000-4000-8000-000000000002" // ECC_NIST_P256, signs
	SealKey       = "11111111-0000-4000-8000-000000000003" // SYMMETRIC_DEFAULT
)

// key signs, or seals.
type key struct {
	signer    crypto.Signer
	algorithm string // the one with which it signs
	sealer    cipher.AEAD
}

func newKeys() (map[string]key, error) {
	delegation, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	call, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(random(32))
	if err != nil {
		return nil, err
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	return map[string]key{
		DelegationKey: {signer: delegation, algorithm: "RSASSA_PKCS1_V1_5_SHA_256"},
		CallKey:       {signer: call, algorithm: "ECDSA_SHA_256"},
		SealKey:       {sealer: sealer},
	}, err
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails (crypto/rand)
	return b
}

// asked is a request of any operation of KMS that is known here.
type asked struct {
	KeyID             string `json:"KeyId"`
	Message           []byte
	MessageType       string
	SigningAlgorithm  string
	KeySpec           string
	CiphertextBlob    []byte
	EncryptionContext map[string]string
}

func (c *Cloud) kms(w http.ResponseWriter, r *http.Request) {
	var in asked
	if !read(w, r, &in) {
		return
	}
	c.note(r, "kms:"+operation(r), in.KeyID, contextOf(in))
	k, found := c.keys[in.KeyID]
	if !found {
		fail(w, http.StatusBadRequest, "NotFoundException", "no key has the id "+in.KeyID)
		return
	}
	switch operation := operation(r); {
	case operation == "GetPublicKey" && k.signer != nil:
		k.public(w, in)
	case operation == "Sign" && k.signer != nil:
		k.sign(w, in)
	case operation == "GenerateDataKey" && k.sealer != nil:
		k.dataKey(w, in)
	case operation == "Decrypt" && k.sealer != nil:
		k.decrypt(w, in)
	default:
		fail(w, http.StatusBadRequest, "InvalidKeyUsageException", "the key is not for "+operation)
	}
}

// contextOf is what KMS shows to conditions (KMS developer guide, conditions-kms).
func contextOf(in asked) map[string][]string {
	out := map[string][]string{}
	for name, value := range in.EncryptionContext {
		out["kms:EncryptionContext:"+name] = []string{value}
		out["kms:EncryptionContextKeys"] = append(out["kms:EncryptionContextKeys"], name)
	}
	if in.SigningAlgorithm != "" {
		out["kms:SigningAlgorithm"], out["kms:MessageType"] = []string{in.SigningAlgorithm}, []string{in.MessageType}
	}
	return out
}

func (k key) public(w http.ResponseWriter, in asked) {
	text, err := x509.MarshalPKIXPublicKey(k.signer.Public())
	if err != nil {
		fail(w, http.StatusInternalServerError, "KMSInternalException", err.Error())
		return
	}
	reply(w, http.StatusOK, map[string]any{"KeyId": in.KeyID, "PublicKey": text, "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": []string{k.algorithm}})
}

func (k key) sign(w http.ResponseWriter, in asked) {
	if in.SigningAlgorithm != k.algorithm || in.MessageType != "DIGEST" || len(in.Message) != 32 {
		fail(w, http.StatusBadRequest, "ValidationException", "want a SHA-256 digest and "+k.algorithm)
		return
	}
	signature, err := k.signer.Sign(rand.Reader, in.Message, crypto.SHA256)
	if err != nil {
		fail(w, http.StatusInternalServerError, "KMSInternalException", err.Error())
		return
	}
	reply(w, http.StatusOK, map[string]any{"KeyId": in.KeyID, "Signature": signature, "SigningAlgorithm": in.SigningAlgorithm})
}

func (k key) dataKey(w http.ResponseWriter, in asked) {
	plain := random(32)
	reply(w, http.StatusOK, map[string]any{"KeyId": in.KeyID, "Plaintext": plain, "CiphertextBlob": k.sealer.Seal(nil, nil, plain, bound(in))}) //nolint:gosec // G407: the sealer makes its own nonce
}

func (k key) decrypt(w http.ResponseWriter, in asked) {
	plain, err := k.sealer.Open(nil, nil, in.CiphertextBlob, bound(in))
	if err != nil {
		fail(w, http.StatusBadRequest, "InvalidCiphertextException", "")
		return
	}
	reply(w, http.StatusOK, map[string]any{"KeyId": in.KeyID, "Plaintext": plain})
}

// bound is the encryption context as additional data; encoding/json sorts its keys.
func bound(in asked) []byte {
	text, _ := json.Marshal(in.EncryptionContext) // texts always encode
	return text
}

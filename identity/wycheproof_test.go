package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha512" // for the algorithms that only these tests know
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"remit/test/absent"
)

// documented are the vectors marked valid that a strict reader refuses all the same.
var documented = map[int]string{
	346: "the key says PS256, the header PS384", 350: "the key says PS256, the header PS384",
	347: "the key says ES521, which is not registered", 351: "the key says ES521, which is not registered",
	372: "a junk character inside base64", 373: "a junk character inside base64",
}

// contradicted are vectors marked invalid whose key and bytes are those of a valid one, to
// the last bit: the padding that their names speak of is not in them. What they mean is
// tested in TestEveryFaultOfATokenIsRefusedForItsReason.
var contradicted = map[int]int{367: 357, 370: 357}

type vectors struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment         string
		Public, Private json.RawMessage
		Tests           []struct {
			ID       int             `json:"tcId"`
			Comment  string          `json:"comment"`
			JWS, JWE json.RawMessage // text, or an object in JSON serialization
			Result   string
		}
	}
}

func corpus(t *testing.T, name string) vectors {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(absent.Corpus(t, "..", "wycheproof"), name)) // github.com/C2SP/wycheproof, testvectors_v1
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// judge asks the same code as a verifier does, below issuers and claims, which the
// vectors do not have.
func judge(raw, keys []byte, s suite) error {
	token := strings.Trim(string(raw), `"`)
	if !strings.Contains(string(keys), `"keys"`) {
		keys = []byte(`{"keys":[` + string(keys) + `]}`)
	}
	set, err := readKeySet(keys, s)
	if err != nil {
		return err
	}
	c, refusal := takeApart(token)
	if refusal != nil {
		return refusal
	}
	k := set[c.kid]
	if k == nil {
		return refuse(UnknownKey)
	}
	material, refusal := c.fits(k)
	if refusal != nil {
		return refusal
	}
	if refusal := c.signedBy(material, s); refusal != nil {
		return refusal
	}
	return nil
}

type tally struct{ accepted, refused, falselyAccepted, falselyRefused, contradicted []int }

func (v vectors) run(t *testing.T, s suite, foreign func(group, test string, jwe bool, alg string) bool) tally {
	t.Helper()
	var n tally
	seen, verdicts := 0, map[int]string{} // tcId → the key and bytes judged
	for _, g := range v.TestGroups {
		keys := g.Public
		if keys == nil {
			keys = g.Private
		}
		for _, test := range g.Tests {
			seen++
			raw := test.JWS
			if raw == nil {
				raw = test.JWE
			}
			err := judge(raw, keys, s)
			verdicts[test.ID] = string(keys) + string(raw)
			if twin := contradicted[test.ID]; twin != 0 && verdicts[twin] == verdicts[test.ID] && test.Result == "invalid" {
				n.contradicted = append(n.contradicted, test.ID)
				continue
			}
			valid := test.Result == "valid" && !foreign(g.Comment, test.Comment, test.JWE != nil, algOf(raw))
			switch {
			case err == nil && valid:
				n.accepted = append(n.accepted, test.ID)
			case err != nil && !valid:
				n.refused = append(n.refused, test.ID)
			case err == nil:
				n.falselyAccepted = append(n.falselyAccepted, test.ID)
				t.Errorf("FALSE ACCEPT: tcId %d, %s: %s", test.ID, g.Comment, test.Comment)
			default:
				n.falselyRefused = append(n.falselyRefused, test.ID)
				if documented[test.ID] == "" {
					t.Errorf("tcId %d, %s: %s is valid and refused: %v", test.ID, g.Comment, test.Comment, why(err))
				}
			}
		}
	}
	if seen != v.NumberOfTests || seen == 0 {
		t.Fatalf("ran %d of %d vectors", seen, v.NumberOfTests)
	}
	return n
}

func why(err error) any {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Reason
	}
	return err
}

func algOf(raw []byte) string {
	head, _, _ := strings.Cut(strings.Trim(string(raw), `"`), ".")
	b, _ := decode(head)
	h, _ := parseObject(b)
	alg, _ := h["alg"].(string)
	return alg
}

func noneForeign(string, string, bool, string) bool { return false }

// notOurs: what the product has no code for, it must refuse, valid or not.
func notOurs(_, _ string, jwe bool, alg string) bool {
	_, known := standard[Algorithm(alg)]
	return jwe || !known
}

func TestWycheproofSignaturesAreJudgedRightUnderEveryAlgorithm(t *testing.T) {
	n := corpus(t, "json_web_signature_test.json").run(t, every, noneForeign)
	for _, id := range n.falselyRefused {
		t.Logf("tcId %d is refused: %s", id, documented[id])
	}
	if len(n.falselyRefused) > len(documented) {
		t.Errorf("refused though valid: %v", n.falselyRefused)
	}
	t.Logf("accepted %d, refused %d, false accepts %d, documented rejects %d, contradicted by another vector %v",
		len(n.accepted), len(n.refused), len(n.falselyAccepted), len(n.falselyRefused), n.contradicted)
}

func TestWycheproofSignaturesThatTheProductTrustsAreValid(t *testing.T) {
	n := corpus(t, "json_web_signature_test.json").run(t, standard, notOurs)
	t.Logf("accepted %d, refused %d, false accepts %d, false rejects %v", len(n.accepted), len(n.refused), len(n.falselyAccepted), n.falselyRefused)
	if len(n.accepted) == 0 || len(n.falselyRefused) > 0 {
		t.Errorf("of what the product should trust it refuses %v", n.falselyRefused)
	}
}

func TestWycheproofKeysAreJudgedRight(t *testing.T) {
	for name, s := range map[string]suite{"every algorithm": every, "the product's": standard} {
		foreign := noneForeign
		if len(s) == len(standard) {
			foreign = notOurs
		}
		n := corpus(t, "json_web_key_test.json").run(t, s, foreign)
		t.Logf("%s: accepted %v, refused %d, false accepts %d, false rejects %v", name, n.accepted, len(n.refused), len(n.falselyAccepted), n.falselyRefused)
		if len(n.accepted) == 0 || len(n.falselyRefused) > 0 {
			t.Errorf("%s: valid keys are refused: %v", name, n.falselyRefused)
		}
	}
}

func TestWycheproofCryptoIsJudgedRight(t *testing.T) {
	jwe := func(_, _ string, jwe bool, _ string) bool { return jwe } // encryption is not ours to read
	for name, s := range map[string]suite{"every algorithm": every, "the product's": standard} {
		foreign := jwe
		if len(s) == len(standard) {
			foreign = notOurs
		}
		n := corpus(t, "json_web_crypto_test.json").run(t, s, foreign)
		t.Logf("%s: accepted %v, refused %d, false accepts %d, false rejects %v", name, n.accepted, len(n.refused), len(n.falselyAccepted), n.falselyRefused)
		if len(n.accepted) == 0 || len(n.falselyRefused) > 0 {
			t.Errorf("%s: valid tokens are refused: %v", name, n.falselyRefused)
		}
	}
}

// every is the product's suite and the rest of RFC 7518, so that the code around
// algorithms meets every vector. The product has none of these.
var every = func() suite {
	s := suite{}
	maps.Copy(s, standard)
	for bits, h := range map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512} {
		s[Algorithm("HS"+bits)] = algorithm{"oct", func(jwk object) (any, error) {
			k, ok := jwk.bytes("k")
			if !ok || len(k) < h.Size() {
				return nil, errUnusableKey
			}
			return k, nil
		}, func(k any, signed, signature []byte) bool {
			mac := hmac.New(h.New, k.([]byte))
			mac.Write(signed)
			return hmac.Equal(mac.Sum(nil), signature)
		}}
		if bits == "256" {
			continue
		}
		s[Algorithm("RS"+bits)] = algorithm{"RSA", readRSA, func(k any, signed, signature []byte) bool {
			return rsa.VerifyPKCS1v15(k.(*rsa.PublicKey), h, sum(h, signed), signature) == nil
		}}
		s[Algorithm("PS"+bits)] = algorithm{"RSA", readRSA, func(k any, signed, signature []byte) bool {
			return rsa.VerifyPSS(k.(*rsa.PublicKey), h, sum(h, signed), signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}) == nil
		}}
	}
	curve := func(name, crv string, c elliptic.Curve, h crypto.Hash) {
		size := (c.Params().BitSize + 7) / 8
		s[Algorithm(name)] = algorithm{"EC", func(jwk object) (any, error) {
			x, okX := jwk.bytes("x")
			y, okY := jwk.bytes("y")
			if jwk["crv"] != crv || !okX || !okY || len(x) != size || len(y) != size {
				return nil, errUnusableKey
			}
			return ecdsa.ParseUncompressedPublicKey(c, slices.Concat([]byte{4}, x, y))
		}, func(k any, signed, signature []byte) bool {
			if len(signature) != 2*size {
				return false
			}
			return ecdsa.Verify(k.(*ecdsa.PublicKey), sum(h, signed), new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
		}}
	}
	curve("ES384", "P-384", elliptic.P384(), crypto.SHA384)
	curve("ES512", "P-521", elliptic.P521(), crypto.SHA512)
	return s
}()

func sum(h crypto.Hash, b []byte) []byte {
	digest := h.New()
	digest.Write(b)
	return digest.Sum(nil)
}

package identity

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
)

// key is a public key as its issuer published it, bound to the algorithms it may verify.
type key struct {
	kid   string
	thumb [32]byte          // RFC 7638
	by    map[Algorithm]any // its material, once per algorithm
}

var (
	errForeignKey = errors.New("a key for something else")
	errNotAKeySet = errors.New("not a JSON Web Key Set")
	errMixedKeys  = errors.New("the key set holds public and secret keys together, so its secret keys are public")
)

// maxKeySet is the most bytes a key set or discovery document may have; the largest known
// identity providers publish about 20 KiB.
const maxKeySet = 256 << 10

// readKeySet keeps the keys of a set that can verify signatures under a suite, by kid. As
// RFC 7517 §5 wants, keys for something else are passed over. A kid that means two keys
// means none, even if one of the two is broken.
func readKeySet(data []byte, s suite) (map[string]*key, error) {
	if len(data) > maxKeySet {
		return nil, errNotAKeySet
	}
	set, err := parseObject(data)
	if err != nil {
		return nil, errNotAKeySet
	}
	list, ok := set["keys"].([]any)
	if !ok {
		return nil, errNotAKeySet
	}
	keys := map[string]*key{}
	first := map[string][32]byte{}
	var unusable []string
	secret, public := false, false
	for _, item := range list {
		jwk, ok := asObject(item)
		if !ok {
			return nil, errNotAKeySet
		}
		secret = secret || jwk["kty"] == "oct"
		public = public || jwk["kty"] != "oct"
		k, err := readKey(jwk, s)
		if errors.Is(err, errForeignKey) {
			continue
		}
		kid, thumb := k.kid, k.thumb
		if other, taken := first[kid]; err != nil || taken && other != thumb {
			unusable = append(unusable, kid)
		}
		keys[kid], first[kid] = k, thumb
	}
	if secret && public {
		return nil, errMixedKeys
	}
	for _, kid := range unusable {
		delete(keys, kid)
	}
	return keys, nil
}

// readKey binds a key to what it is for: its use, its operations, its algorithm, and its
// type and curve. It tells keys for something else, which are nobody's fault, from broken
// ones, whose name it still gives. A key that shows its private half is broken.
func readKey(jwk object, s suite) (*key, error) {
	kid, named := jwk.text("kid")
	kty, typed := jwk["kty"].(string)
	if !named || !typed || !jwk.verifies() {
		return nil, errForeignKey
	}
	k := &key{kid: kid, thumb: thumbprint(jwk), by: map[Algorithm]any{}}
	for name, a := range s {
		if a.kty != kty || jwk.shows("alg") && jwk["alg"] != string(name) {
			continue
		}
		material, err := a.key(jwk)
		if err != nil || jwk.shows("d", "p", "q", "dp", "dq", "qi", "oth") {
			return &key{kid: kid}, errUnusableKey
		}
		k.by[name] = material
	}
	if len(k.by) == 0 {
		return nil, errForeignKey
	}
	return k, nil
}

func (o object) shows(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, present := o[name]; return present })
}

// verifies: use and key_ops may be left out (RFC 7517 §4.2), but not say something else.
func (o object) verifies() bool {
	if o.shows("use") && o["use"] != "sig" {
		return false
	}
	if !o.shows("key_ops") {
		return true
	}
	operations, ok := o.texts("key_ops")
	return ok && slices.Contains(operations, "verify")
}

// thumbprint is RFC 7638: the digest of the members that make the key, and of no other.
func thumbprint(jwk object) [32]byte {
	members := map[string]any{}
	for _, name := range []string{"crv", "e", "k", "kty", "n", "x", "y"} {
		if value, present := jwk[name]; present {
			members[name] = value
		}
	}
	canonical, err := json.Marshal(members) // sorts names, as the RFC wants
	if err != nil {
		panic(err) // strings, as read from JSON, always print
	}
	return sha256.Sum256(canonical)
}

package identity

import (
	"encoding/base64"
	"strings"
)

// compact is a signed token in compact serialization (RFC 7515 §7.1), taken apart but
// not yet believed.
type compact struct {
	header    object
	signed    string // the first two parts as they came
	payload   []byte
	signature []byte
	alg       Algorithm
	kid       string
}

// base64url refuses padding and bits that encode nothing. It would pass over line ends,
// which decode refuses.
var base64url = base64.RawURLEncoding.Strict()

func decode(part string) ([]byte, bool) {
	if strings.ContainsAny(part, "\r\n") {
		return nil, false
	}
	b, err := base64url.DecodeString(part)
	return b, err == nil
}

// takeApart reads the form of a token and the header every token must have. The size was
// looked at before.
func takeApart(raw string) (*compact, *Refusal) {
	head, rest, _ := strings.Cut(raw, ".")
	body, tail, signed := strings.Cut(rest, ".")
	if !signed {
		return nil, refuse(Malformed)
	}
	header, ok1 := decode(head)
	payload, ok2 := decode(body)
	signature, ok3 := decode(tail) // and no more: a dot is not of the alphabet
	if !ok1 || !ok2 || !ok3 {
		return nil, refuse(Malformed)
	}
	c := &compact{signed: raw[:len(head)+1+len(body)], payload: payload, signature: signature}
	var err error
	if c.header, err = parseObject(header); err != nil {
		return nil, refuse(Malformed)
	}
	return c, c.readHeader()
}

// readHeader refuses what the token says about its own verification. A key, or an address
// of one, inside the token would let its maker choose who is believed; crit lists
// extensions that must be understood, and none is.
func (c *compact) readHeader() *Refusal {
	for _, name := range []string{"crit", "jwk", "jku", "x5u", "x5c"} {
		if _, present := c.header[name]; present {
			return refuse(ForbiddenHeader)
		}
	}
	alg, ok := c.header.text("alg")
	if !ok {
		return refuse(WrongAlgorithm)
	}
	c.alg = Algorithm(alg)
	if c.kid, ok = c.header.text("kid"); !ok {
		return refuse(MissingKeyID)
	}
	return nil
}

// fits finds the material of a key that its issuer meant for this algorithm.
func (c *compact) fits(k *key) (material any, refusal *Refusal) {
	material, fits := k.by[c.alg]
	if !fits {
		return nil, refuse(WrongAlgorithm)
	}
	return material, nil
}

// signedBy reports whether a key that fits signed these bytes.
func (c *compact) signedBy(material any, s suite) *Refusal {
	if !s[c.alg].verify(material, []byte(c.signed), c.signature) {
		return refuse(BadSignature)
	}
	return nil
}

// sameType compares media types as RFC 7515 §4.1.9 does: the prefix may be left out, and
// case does not count.
func sameType(a, b string) bool {
	return bareType(a) == bareType(b)
}

func bareType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}

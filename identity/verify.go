package identity

import (
	"context"
	"slices"
	"time"

	"remit/terms"
)

// Verifier verifies tokens of the issuers it was made with; see [NewVerifier]. It may be
// used by many goroutines.
type Verifier struct {
	issuers    []*issuer
	signatures *signatures
}

// Verify checks everything about a user's or an agent's token at the given time, for one
// audience, and fails with [ErrUntrusted], which is a [*Refusal] to operators.
func (v *Verifier) Verify(ctx context.Context, raw, audience string, now time.Time) (Claims, error) {
	t, refusal := v.open(ctx, raw, audience, now, KindLogin, KindDelegation)
	if refusal != nil {
		return Claims{}, refusal
	}
	read := t.login
	if t.issuer.Kind == KindDelegation {
		read = t.delegation
	}
	claims, refusal := read()
	if refusal != nil {
		refusal.Issuer = t.issuer.URL
		return Claims{}, refusal
	}
	return claims, nil
}

// opened is a token whose signature, audience and times are good.
type opened struct {
	issuer   *issuer
	claims   object
	audience string
	issued   time.Time
	expires  time.Time
}

// open reads from the outside in: size, form, header, issuer, key, signature, audience,
// times. Nothing in the payload but iss is looked at before the signature is good.
func (v *Verifier) open(ctx context.Context, raw, audience string, now time.Time, kinds ...Kind) (*opened, *Refusal) {
	if len(raw) > MaxToken {
		return nil, refuse(Oversized)
	}
	c, refusal := takeApart(raw)
	if refusal != nil {
		return nil, refusal
	}
	claims, err := parseObject(c.payload)
	if err != nil {
		return nil, refuse(Malformed)
	}
	i := v.issuer(claims["iss"], kinds)
	if i == nil {
		return nil, refuse(UnknownIssuer)
	}
	t := &opened{issuer: i, claims: claims, audience: audience}
	if refusal = i.admit(c); refusal == nil {
		refusal = v.believe(ctx, t, c, raw, now)
	}
	if refusal != nil {
		refusal.Issuer = i.URL
		return nil, refusal
	}
	return t, nil
}

func (v *Verifier) issuer(iss any, kinds []Kind) *issuer {
	for _, i := range v.issuers {
		if iss == i.URL && slices.Contains(kinds, i.Kind) {
			return i
		}
	}
	return nil
}

// admit holds the header against what this issuer writes, before its keys are asked for.
func (i *issuer) admit(c *compact) *Refusal {
	typ, _ := c.header.text("typ")
	switch {
	case !slices.Contains(i.Algorithms, c.alg):
		return refuse(WrongAlgorithm)
	case !slices.ContainsFunc(i.Types, func(want string) bool { return sameType(want, typ) }):
		return refuse(WrongType)
	}
	return nil
}

// believe checks the signature, unless these very bytes passed before under this very key,
// and then what every kind of token must say.
func (v *Verifier) believe(ctx context.Context, t *opened, c *compact, raw string, now time.Time) *Refusal {
	k, refusal := t.issuer.keys.find(ctx, c.kid, now)
	if refusal != nil {
		return refusal
	}
	material, refusal := c.fits(k)
	if refusal != nil {
		return refusal
	}
	name := signedUnder(k, raw)
	seen := v.signatures.knows(name, now)
	if !seen {
		if refusal := c.signedBy(material, standard); refusal != nil {
			return refusal
		}
	}
	for _, check := range []func() *Refusal{t.addressed, t.required, func() *Refusal { return t.timely(now) }} {
		if refusal := check(); refusal != nil {
			return refusal
		}
	}
	if !seen {
		v.signatures.learn(name, t.expires)
	}
	return nil
}

// addressed: the caller's audience is one the issuer may address, and the token names it.
func (t *opened) addressed() *Refusal {
	named, ok := t.claims.texts("aud")
	if one, isText := t.claims.text("aud"); isText {
		named, ok = []string{one}, true
	}
	if !ok || !slices.Contains(t.issuer.Audiences, t.audience) || !slices.Contains(named, t.audience) {
		return refuse(WrongAudience)
	}
	return nil
}

// required: a token made to tell a client who logged in is not one to call with. OpenID
// Connect gives ID tokens these three claims; other marks are the policy's to require.
func (t *opened) required() *Refusal {
	if t.claims.shows("nonce", "at_hash", "c_hash") {
		return refuse(IDToken)
	}
	for name, value := range t.issuer.Require {
		if t.claims[name] != value {
			return refuse(MissingClaim)
		}
	}
	return nil
}

// timely: exp and iat are required, nbf may be absent. A token lives while
// nbf − leeway ≤ now < exp + leeway, and no longer than the policy's age.
func (t *opened) timely(now time.Time) *Refusal {
	exp, ok1 := t.claims.seconds("exp")
	iat, ok2 := t.claims.seconds("iat")
	nbf, ok3 := t.claims.seconds("nbf")
	if !t.claims.shows("nbf") && t.issuer.Kind == KindLogin {
		nbf, ok3 = iat, true
	}
	if !ok1 || !ok2 || !ok3 || exp <= iat || exp <= nbf {
		return refuse(BadTimes)
	}
	t.issued, t.expires = time.Unix(iat, 0).UTC(), time.Unix(exp, 0).UTC()
	late := t.issuer.Leeway + t.issuer.Grace
	switch {
	case !now.Before(t.expires.Add(late)):
		return refuse(Expired)
	case now.Before(t.issued.Add(-t.issuer.Leeway)), now.Before(time.Unix(nbf, 0).Add(-t.issuer.Leeway)):
		return refuse(NotYetValid)
	case now.Sub(t.issued) > t.issuer.MaxAge+late:
		return refuse(TooOld)
	}
	return nil
}

// said is what every kind of token says.
func (t *opened) said() Claims {
	jti, _ := t.claims.text("jti")
	return Claims{Issuer: t.issuer.URL, Audience: t.audience, JTI: jti, Client: t.client(), IssuedAt: t.issued, Expires: t.expires}
}

// loggedIn is auth_time where a token has one: a token that is refreshed is new, and the
// login behind it is not. One that is mistyped, or later than the token, is as old as can be.
func (t *opened) loggedIn() time.Time {
	if !t.claims.shows("auth_time") {
		return t.issued
	}
	at, ok := t.claims.seconds("auth_time")
	if login := time.Unix(at, 0).UTC(); ok && !login.After(t.issued) {
		return login
	}
	return time.Time{}
}

// client is the application a token was issued to; a token that names two is no one's.
func (t *opened) client() string {
	id, ok := t.claims.text("client_id")
	party, also := t.claims.text("azp")
	switch {
	case ok && also && id != party:
		return ""
	case ok:
		return id
	}
	return party
}

func (t *opened) login() (Claims, *Refusal) {
	claims := t.said()
	user, ok := t.mapped()
	if !ok || claims.JTI == "" && t.claims.shows("jti") {
		return Claims{}, refuse(MissingClaim)
	}
	claims.User, claims.LoggedIn = user, t.loggedIn()
	return claims, nil
}

// mapped is the user by the policy's mapping, told apart from other issuers' users.
func (t *opened) mapped() (terms.User, bool) {
	user, ok := t.issuer.Mapping.user(t.claims)
	if t.issuer.Realm != "" {
		user.ID = t.issuer.Realm + "|" + user.ID
	}
	return user, ok
}

package identity

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"remit/terms"
)

// Policy is whom a verifier trusts. The zero Policy trusts nobody.
type Policy struct {
	Issuers []Issuer
}

// Kind is what an issuer's tokens are for. The zero Kind is none.
type Kind string

// The kinds of token. One method reads each, so that one kind never passes for another.
const (
	KindLogin      Kind = "login"      // a user's own token, from a company's identity provider
	KindDelegation Kind = "delegation" // what an agent carries to its lane's gateway
	KindCall       Kind = "call"       // what a tool is shown for one call
)

// Issuer is one trusted source of one kind of token. All of it is required down to Keys,
// but Mapping for tokens that Remit itself made.
type Issuer struct {
	URL        string // compared byte for byte with iss, and with the discovery document
	Kind       Kind
	Audiences  []string    // whom its tokens may address here
	Algorithms []Algorithm // which signatures it makes
	Types      []string    // which typ it writes, such as at+jwt; compared as RFC 9068 §4 does
	MaxAge     time.Duration
	Keys       KeySource

	Mapping *Mapping          // how its claims name a user; nil only for what [Mint] and [Assert] make
	Realm   string            // goes before user ids; required of each when several issuers log users in
	Require map[string]string // claims that must have these values, such as token_use: access
	Leeway  time.Duration     // how far clocks may differ; zero means [DefaultLeeway]
	Grace   time.Duration     // how long an expired token still says who asked: for settling, never for admitting
}

// DefaultLeeway is how far the issuer's clock may differ from ours when a policy does
// not say.
const DefaultLeeway = 30 * time.Second

// maxLeeway ends the temptation to repair a broken clock with a wide policy.
const maxLeeway = 5 * time.Minute

// MaxToken is the most bytes a token may have. Larger ones are refused unread.
const MaxToken = 16 << 10

// issuer is an [Issuer] ready for use.
type issuer struct {
	Issuer
	keys *keyring
}

// NewVerifier refuses, all at once, what would make a policy trust too much or nothing.
func NewVerifier(p Policy) (*Verifier, error) {
	v := &Verifier{signatures: newSignatures(signatureMemory)}
	var problems []error
	for _, i := range p.Issuers {
		problems = append(problems, i.check()...)
		keys, err := newKeyring(i.Keys, i.URL, standard)
		if err != nil {
			problems = append(problems, i.problem("%w", err))
		}
		i.Leeway = orDefault(i.Leeway, DefaultLeeway)
		v.issuers = append(v.issuers, &issuer{i, keys})
	}
	problems = append(problems, apart(p.Issuers)...)
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return v, nil
}

func (i Issuer) problem(format string, args ...any) error {
	return fmt.Errorf("identity: issuer %q: "+format, append([]any{i.URL}, args...)...)
}

func (i Issuer) check() (problems []error) {
	say := func(when bool, format string, args ...any) {
		if when {
			problems = append(problems, i.problem(format, args...))
		}
	}
	say(i.URL == "", "has no URL")
	say(i.Kind != KindLogin && i.Kind != KindDelegation && i.Kind != KindCall, "kind is login, delegation or call, not %q", i.Kind)
	say(len(i.Audiences) == 0 || slices.Contains(i.Audiences, ""), "names no audience, so no token could be for us")
	say(len(i.Algorithms) == 0, "allows no algorithm")
	for _, a := range i.Algorithms {
		_, known := standard[a]
		say(!known, "algorithm %q is not ES256, RS256 or PS256", a)
	}
	say(len(i.Types) == 0 || slices.Contains(i.Types, ""), "names no token type, so an ID token could pass for another")
	say(i.MaxAge <= 0, "has no maximum token age")
	say(i.Kind == KindLogin && i.Mapping == nil, "has no claim mapping")
	say(i.Mapping != nil && (i.Mapping.User == "" || i.Mapping.Tenant == "" || i.Mapping.Roles == ""), "claim mapping lacks the claim of user, tenant or roles")
	say(i.Realm != "" && !isName(i.Realm), "realm %q is not a name", i.Realm)
	say(i.Leeway < 0 || i.Leeway > maxLeeway, "leeway is not between 0 and %v", maxLeeway)
	say(i.Grace < 0, "grace is negative")
	say(i.Grace > 0 && i.Kind != KindDelegation, "only delegation tokens are settled late")
	return problems
}

// apart: no token fits two issuers, no two users share an id, and no key serves two kinds.
func apart(issuers []Issuer) (problems []error) {
	realms := map[string]bool{}
	logins := 0
	for n, i := range issuers {
		for _, other := range issuers[:n] {
			if i.URL == other.URL && (i.Kind == KindCall) == (other.Kind == KindCall) {
				problems = append(problems, i.problem("is declared twice"))
			}
			if i.Kind != other.Kind && i.Keys.address(i.URL) == other.Keys.address(other.URL) && string(i.Keys.Fixed) == string(other.Keys.Fixed) {
				problems = append(problems, i.problem("signs %s and %s tokens with the same keys", other.Kind, i.Kind))
			}
		}
		if i.Kind == KindLogin {
			logins++
			realms[i.Realm] = true
		}
	}
	if logins > 1 && (len(realms) < logins || realms[""]) {
		problems = append(problems, errors.New("identity: several issuers log users in, so each needs its own realm, or two people could share an id"))
	}
	return problems
}

// KeySource is where an issuer's keys come from. Set Fixed, or Fetch.
type KeySource struct {
	Fixed []byte // a JWKS that never changes
	JWKS  string // the address of the JWKS; empty means the issuer's discovery document says it
	Fetch Fetch

	Cooldown time.Duration // least time between two fetches, and how soon a new key is seen; zero means 30 s
	Refresh  time.Duration // how soon a withdrawn key is noticed; zero means 5 min
	Stale    time.Duration // how long keys serve while the issuer cannot be reached; zero means 1 h
}

func (s KeySource) address(issuer string) string {
	switch {
	case s.Fixed != nil:
		return ""
	case s.JWKS != "":
		return s.JWKS
	}
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

func (s KeySource) check(issuer string) error {
	if s.Fixed != nil {
		return nil
	}
	u, err := url.Parse(s.address(issuer))
	switch {
	case s.Fetch == nil:
		return errors.New("has neither fixed keys nor a way to fetch them")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("has no address to fetch keys from")
	case s.Cooldown < 0 || s.Refresh < s.Cooldown || s.Stale < s.Refresh:
		return errors.New("key times are not in order: cooldown, refresh, stale")
	}
	return nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func isName(s string) bool {
	var n terms.Name
	return n.UnmarshalText([]byte(s)) == nil
}

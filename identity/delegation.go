package identity

import (
	"context"
	"errors"
	"slices"
	"time"

	"remit/terms"
)

// Delegation is what a lane may say it does for a user: all of it is required but
// Audience and Margin.
type Delegation struct {
	Issuer    string
	User      terms.User
	Lane      terms.Lane
	Execution terms.ExecutionID
	Purpose   string
	Audience  string    // empty means the lane's gateway
	Deadline  time.Time // the execution's; the ledger holds it too, and decides
	Margin    time.Duration
}

const (
	delegationType = "at+jwt" // RFC 9068

	// DefaultMargin is how long a delegation token outlives its execution when the
	// delegation does not say: AgentCore may refuse tokens that are about to expire.
	DefaultMargin = 120 * time.Second
)

// delegationClaims are RFC 8693's, and four of our own.
type delegationClaims struct {
	stamp
	Subject   string   `json:"sub"`
	Actor     actor    `json:"act"`
	Tenant    string   `json:"tenant"`
	Roles     []string `json:"roles"`
	RolesText string   `json:"roles_s"` // see joinRoles
	Execution string   `json:"execution"`
	Purpose   string   `json:"purpose"`
}

type actor struct {
	Subject string `json:"sub"`
}

// Delegations trusts delegation tokens of our own front door, which signs them by RS256, for
// one audience. Grace is how long an expired one still counts.
func Delegations(issuer, audience string, keys KeySource, grace time.Duration) (*Verifier, error) {
	return NewVerifier(Policy{Issuers: []Issuer{{
		URL: issuer, Kind: KindDelegation, Audiences: []string{audience}, Algorithms: []Algorithm{RS256},
		Types: []string{delegationType}, MaxAge: 24 * time.Hour, Grace: grace, Keys: keys,
	}}})
}

// ModelAudience is whom tokens for a lane's models address: its broker, and no gateway.
func ModelAudience(lane terms.Lane) string { return lane.String() + "/models" }

// Mint makes a delegation token: user and lane, for one execution, at one gateway.
func Mint(ctx context.Context, signer Signer, d Delegation, now time.Time) (string, error) {
	if d.Audience == "" {
		d.Audience = d.Lane.String()
	}
	if err := d.check(now); err != nil {
		return "", err
	}
	return sign(ctx, signer, delegationType, delegationClaims{
		stamp:     newStamp(d.Issuer, d.Audience, now, d.Deadline.Add(orDefault(d.Margin, DefaultMargin))),
		Subject:   d.User.ID,
		Actor:     actor{d.Lane.String()},
		Tenant:    d.User.Tenant,
		Roles:     append([]string{}, d.User.Roles...), // never null
		RolesText: joinRoles(d.User.Roles),
		Execution: string(d.Execution),
		Purpose:   d.Purpose,
	})
}

// check refuses to sign what no gateway would believe.
func (d Delegation) check(now time.Time) error {
	_, isLane := parseLane(d.Lane.String())
	other, namesLane := parseLane(d.Audience)
	switch {
	case !isText(d.Issuer) || !isText(d.Audience):
		return errors.New("identity: a delegation needs an issuer and an audience")
	case !isLane || namesLane && other != d.Lane:
		return errors.New("identity: a delegation needs a lane, and no other lane's gateway")
	case !isText(d.User.ID) || !isTenant(d.User.Tenant):
		return errors.New("identity: a delegation needs a user and a tenant")
	case slices.ContainsFunc(d.User.Roles, func(role string) bool { return !isName(role) }):
		return errors.New("identity: a user role is not a name")
	case !isText(string(d.Execution)) || !isText(d.Purpose):
		return errors.New("identity: a delegation needs an execution and a purpose")
	case !now.Before(d.Deadline) || d.Margin < 0:
		return errors.New("identity: a delegation needs a deadline to come")
	}
	return nil
}

// delegation reads who acts for whom. The actor is one lane and nobody behind it, and when
// the audience is a lane's gateway it is that lane's.
func (t *opened) delegation() (Claims, *Refusal) {
	claims := t.said()
	lane, ok := actingLane(t.claims["act"])
	if !ok {
		return Claims{}, refuse(BadActor)
	}
	if t.audience != lane.String() {
		if _, namesLane := parseLane(t.audience); namesLane {
			return Claims{}, refuse(WrongLane)
		}
	}
	user, known := t.delegator()
	execution, runs := t.claims.text("execution")
	purpose, meant := t.claims.text("purpose")
	if !known || !runs || !meant || claims.JTI == "" {
		return Claims{}, refuse(MissingClaim)
	}
	claims.User, claims.Lane, claims.Execution, claims.Purpose = user, lane, terms.ExecutionID(execution), purpose
	return claims, nil
}

// delegator is the user of a delegation token: in our own words, or by the mapping of a
// company that exchanges tokens itself.
func (t *opened) delegator() (terms.User, bool) {
	if t.issuer.Mapping != nil {
		return t.mapped()
	}
	id, ok1 := t.claims.text("sub")
	tenant, ok2 := t.claims.text("tenant")
	roles, ok3 := t.claims.texts("roles")
	if !ok1 || !ok2 || !ok3 || !isTenant(tenant) || slices.ContainsFunc(roles, func(role string) bool { return !isName(role) }) {
		return terms.User{}, false
	}
	// Cedar reads the one and policy the other: they may not differ.
	return terms.User{ID: id, Tenant: tenant, Roles: roles}, t.claims["roles_s"] == joinRoles(roles)
}

func actingLane(act any) (terms.Lane, bool) {
	a, _ := asObject(act)
	name, ok := a.text("sub")
	if !ok || len(a) != 1 {
		return terms.Lane{}, false
	}
	return parseLane(name)
}

package identity

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"remit/terms"
)

// Call is one tool call, as a tool that cannot see IAM is told of it. All of it is
// required; of the user, the id and the tenant.
type Call struct {
	Issuer    string
	Tool      string   // the audience
	Arguments [32]byte // SHA-256 of the canonical arguments
	User      terms.User
	Lane      terms.Lane
	Execution terms.ExecutionID
	Key       string // idempotency key
}

const (
	callType = "remit-call+jwt"

	// MaxCall is the longest a call assertion may live.
	MaxCall = 60 * time.Second
)

type callClaims struct {
	stamp
	Subject   string `json:"sub"`
	Actor     actor  `json:"act"`
	Tenant    string `json:"tenant"`
	Execution string `json:"execution"`
	Arguments string `json:"args"`
	Key       string `json:"idempotency_key"`
}

// Assert signs one call for its tool, for at most [MaxCall]. The signer is not the one of
// delegation tokens: whoever may show a tool a call must not be able to open a gateway.
func Assert(ctx context.Context, signer Signer, c Call, life time.Duration, now time.Time) (string, error) {
	if life < time.Second || life > MaxCall {
		return "", errors.New("identity: a call assertion lives between one second and one minute")
	}
	_, isLane := parseLane(c.Lane.String())
	if !isLane || !isText(c.Issuer) || !isText(c.Tool) || !isText(c.User.ID) || !isTenant(c.User.Tenant) ||
		!isText(string(c.Execution)) || !isText(c.Key) || c.Arguments == [32]byte{} {
		return "", errors.New("identity: a call assertion needs issuer, tool, user, tenant, lane, execution, idempotency key and arguments")
	}
	return sign(ctx, signer, callType, callClaims{
		stamp:     newStamp(c.Issuer, c.Tool, now, now.Add(life)),
		Subject:   c.User.ID,
		Actor:     actor{c.Lane.String()},
		Tenant:    c.User.Tenant,
		Execution: string(c.Execution),
		Arguments: hex.EncodeToString(c.Arguments[:]),
		Key:       c.Key,
	})
}

// VerifyCall checks an assertion for one tool and the arguments that actually arrived. It
// fails like [Verifier.Verify]. Within its minute an assertion can be shown again: the
// idempotency key is the tool's to honour.
func (v *Verifier) VerifyCall(ctx context.Context, raw, tool string, arguments [32]byte, now time.Time) (Call, error) {
	t, refusal := v.open(ctx, raw, tool, now, KindCall)
	if refusal != nil {
		return Call{}, refusal
	}
	call, refusal := t.call(arguments)
	if refusal != nil {
		refusal.Issuer = t.issuer.URL
		return Call{}, refusal
	}
	return call, nil
}

func (t *opened) call(arguments [32]byte) (Call, *Refusal) {
	lane, ok := actingLane(t.claims["act"])
	if !ok {
		return Call{}, refuse(BadActor)
	}
	user, ok1 := t.claims.text("sub")
	tenant, ok2 := t.claims.text("tenant")
	execution, ok3 := t.claims.text("execution")
	key, ok4 := t.claims.text("idempotency_key")
	_, ok5 := t.claims.text("jti")
	switch {
	case !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !isTenant(tenant):
		return Call{}, refuse(MissingClaim)
	case t.claims["args"] != hex.EncodeToString(arguments[:]):
		return Call{}, refuse(WrongCall)
	case t.expires.Sub(t.issued) > MaxCall:
		return Call{}, refuse(TooLongLived)
	}
	return Call{
		Issuer: t.issuer.URL, Tool: t.audience, Arguments: arguments, User: terms.User{ID: user, Tenant: tenant},
		Lane: lane, Execution: terms.ExecutionID(execution), Key: key,
	}, nil
}

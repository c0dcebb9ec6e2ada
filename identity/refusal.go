package identity

import "errors"

// ErrUntrusted means the token proves nothing. It carries no detail, because details of
// a refusal help an attacker; operators read them in the log, from [Refusal].
var ErrUntrusted = errors.New("identity: token refused")

// Refusal is why a token was refused, for operators. Nothing in it comes from the token:
// the reason is one of the list below and the issuer is spelled as the policy spells it.
// To everyone else it is [ErrUntrusted].
type Refusal struct {
	Reason Reason
	Issuer string // empty when the token named none that is trusted
	Cause  error  // why keys could not be had; otherwise nil
}

// Error is the text of [ErrUntrusted] and no more, because it may reach a caller.
func (r *Refusal) Error() string { return ErrUntrusted.Error() }

// Unwrap makes every refusal [ErrUntrusted].
func (r *Refusal) Unwrap() error { return ErrUntrusted }

// Reason is a stable word for a log or a metric.
type Reason string

// Why a token is refused, in the order in which it is looked at.
const (
	Oversized       Reason = "oversized"        // more than MaxToken bytes; nothing of it was read
	Malformed       Reason = "malformed"        // not three parts of strict base64url around strict JSON
	UnknownIssuer   Reason = "unknown-issuer"   // no trusted issuer of this kind of token has this name
	WrongAlgorithm  Reason = "wrong-algorithm"  // not allowed for the issuer, or not the key's
	WrongType       Reason = "wrong-type"       // another kind of token
	ForbiddenHeader Reason = "forbidden-header" // crit, or a key or address of a key in the token itself
	MissingKeyID    Reason = "missing-key-id"   // no kid, so no key
	UnknownKey      Reason = "unknown-key"      // the issuer publishes no such key
	KeysUnavailable Reason = "keys-unavailable" // the issuer's keys could not be had, or are too old
	BadSignature    Reason = "bad-signature"    // the key did not sign these bytes
	WrongAudience   Reason = "wrong-audience"   // made for somebody else
	IDToken         Reason = "id-token"         // says who logged in, not what may be called
	MissingClaim    Reason = "missing-claim"    // absent, null, mistyped, or not what the policy requires
	BadTimes        Reason = "bad-times"        // times absent, mistyped or out of order
	Expired         Reason = "expired"
	NotYetValid     Reason = "not-yet-valid"
	TooOld          Reason = "too-old"        // issued longer ago than the policy lets a token live
	BadActor        Reason = "bad-actor"      // act is not exactly one lane
	WrongLane       Reason = "wrong-lane"     // the actor is not the lane whose gateway was asked
	WrongCall       Reason = "wrong-call"     // an assertion for other arguments
	TooLongLived    Reason = "too-long-lived" // a call assertion that outlives a call
)

func refuse(reason Reason) *Refusal { return &Refusal{Reason: reason} }

// Package policy decides: may this lane, for this user, call this tool with these
// arguments now, and what of the reply may leave. It is pure: no clock, no I/O, no AWS.
// It knows the compiled [Bundle] of one lane, not the declaration it came from.
// Start with [Bundle.Decide]. The zero Bundle and the zero [Decision] deny.
package policy

import (
	"errors"
	"time"

	"remit/terms"
)

// Bundle is everything one lane needs to decide, compiled from the declaration. Its
// digest is the deployed version. The zero Bundle knows no tool, so it denies all.
type Bundle struct {
	Digest terms.Digest
	Lane   terms.Lane
}

// ErrNoBundle is returned for a bundle that is not in a form this build reads.
// Whoever gets it must refuse every call.
var ErrNoBundle = errors.New("policy: this build reads no bundle format, so nothing is allowed")

// Load reads a bundle's canonical bytes (RFC 8785). It fails with [ErrNoBundle] or an
// error naming the place; a bundle that did not load must not be used.
func Load(canonical []byte) (*Bundle, error) { return nil, ErrNoBundle }

// Request is one tool call to decide. Args are the decoded arguments; At is when.
type Request struct {
	User terms.User
	Lane terms.Lane
	Tool string
	Args map[string]any
	At   time.Time
}

// Effect is a verdict. The zero value denies.
type Effect bool

// The two verdicts.
const (
	Deny  Effect = false
	Allow Effect = true
)

// Kind names one of the four checks of a tool call.
type Kind uint8

// The four checks, in the order a record lists them.
const (
	Role   Kind = iota // the lane has this tool at all
	Tenant             // the datum belongs to the user's tenant
	RBAC               // the user's role may call the tool
	Data               // the reply is filtered to what is declared
)

// Check is the verdict of one check and why. The zero Check denies without a reason.
type Check struct {
	Kind   Kind
	Effect Effect
	Reason Reason
}

// Reason is a sentence for operators, and the declaration line it rests on. It is never
// shown to an agent.
type Reason struct {
	Sentence string
	At       terms.Pos
}

// Ownership is a fact the store must attest in the transaction that reserves: the named
// datum belongs to the tenant, and where Relation is set, to the user.
type Ownership struct {
	Directory, Datum, Tenant, Relation, User string
}

// Take is one limit the call consumes if it is allowed.
type Take struct {
	Limit  string
	Amount int64
}

// Decision is the verdict of all four checks; every check is evaluated, because a record
// explains all of them. Owner is set when the tenant check rests on the store's word.
type Decision struct {
	Checks      [4]Check
	Constraints []Reason
	Owner       *Ownership
	Takes       []Take
}

// Allowed reports whether every check allows and no constraint forbids.
func (d Decision) Allowed() bool {
	for _, c := range d.Checks {
		if c.Effect != Allow {
			return false
		}
	}
	return len(d.Constraints) == 0
}

// Decide runs the four checks. The zero Bundle denies.
func (b *Bundle) Decide(Request) Decision { return Decision{} }

// Filter keeps what the tool's declaration allows to leave and counts what it withheld.
// On any error nothing may be passed on. The zero Bundle keeps nothing.
func (b *Bundle) Filter(tool string, reply []byte) (kept []byte, withheld int, err error) {
	return nil, 0, ErrNoBundle
}

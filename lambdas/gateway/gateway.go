// Package gateway is the pair of interceptors that stand on both sides of every tool
// call. It knows only ports: who verifies tokens, the ledger, who seals what waits, who
// asserts calls. It knows no AWS service and no declaration, only the lane's bundle. Start
// with [Gateway.Request]. The zero [Gateway] denies.
//
// REQUEST: decode, verify, validate, decide, reserve with the record's intent, rewrite.
// RESPONSE: decode, verify, filter, settle with the record's outcome, rewrite.
//
// A denial is a JSON-RPC error with HTTP 200, because MCP clients drop the session on any
// other status. The agent sees one uniform refusal with an opaque reference; why is in the
// record.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"remit/audit"
	"remit/identity"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

// Verifier says who is asking. It fails for every token it does not fully trust.
type Verifier interface {
	Verify(ctx context.Context, raw, audience string, now time.Time) (identity.Claims, error)
}

// Ledger keeps limits and evidence; see package ledger. A call whose evidence cannot be
// kept does not run.
type Ledger interface {
	Reserve(context.Context, ledger.Claim) (ledger.Reservation, error)
	Settle(context.Context, terms.CallID, ledger.Outcome) error
	Deny(context.Context, ledger.Denial) error
	Find(context.Context, terms.ExecutionID, terms.CallID) (ledger.Call, error)
	Execution(context.Context, terms.ExecutionID) (ledger.Execution, error)
	Propose(context.Context, ledger.Proposal) (ledger.Confirmation, error)
	Confirmation(context.Context, terms.User, string) (ledger.Confirmation, error)
}

// Sealer seals what the ledger keeps of arguments and results; see lambdas/sealing.
type Sealer interface {
	Seal(ctx context.Context, tenant string, plain []byte) ([]byte, error)
	Open(ctx context.Context, tenant string, sealed []byte) ([]byte, error)
}

// Gateway serves both interception points of one lane. With any required field missing it
// denies.
type Gateway struct {
	Bundle   *policy.Bundle
	Digest   terms.Digest
	Verifier Verifier
	Ledger   Ledger
	Sealer   Sealer
	Schemas  map[string]Schema // tool → its input schema, compiled
	Now      func() time.Time

	// Note is for operators alone: what was refused before it was anybody's call, and why a
	// call could not be decided.
	Note func(reference, why string)
	// Observe, if set, sees every record as it is decided: a laptop prints it.
	Observe func(reference string, r audit.Record)
	// Assert, if set, signs what tools are shown that cannot see IAM: one assertion a call.
	Assert func(ctx context.Context, c identity.Call, now time.Time) (string, error)
}

// Schema validates decoded arguments; its error is about the arguments and may be shown to
// the agent that wrote them.
type Schema interface{ Validate(arguments any) error }

// The JSON-RPC error codes an agent can meet (docs: the agent contract). They never tell
// whether a datum exists.
const (
	codeRefused     = -32001 // policy; asking again changes nothing
	codeInvalid     = -32602 // the arguments do not fit the tool's schema (JSON-RPC 2.0)
	codeUnavailable = -32010 // try again later; nothing ran
	codeFailed      = -32011 // the tool failed; its own words stay behind
	codeLimit       = -32012 // a limit is used up: answer with what you have
	codeEnded       = -32013 // the execution has ended
	codeUnknown     = -32014 // an earlier call under the same key may have run; nobody knows
)

var messages = map[int]string{
	codeRefused:     "refused",
	codeInvalid:     "invalid arguments",
	codeUnavailable: "temporarily unavailable, try again later",
	codeFailed:      "the tool failed",
	codeLimit:       "a limit is used up; answer with what you have",
	codeEnded:       "the execution has ended",
	codeUnknown:     "an earlier call with this effect has an unknown outcome; it is not repeated",
}

// methods are all that pass. Everything else could reach what no check looks at: prompts
// and resources are never governed by the policy engine (AgentCore developer guide,
// use-gateway-with-policy).
var methods = map[string]bool{"initialize": true, "notifications/initialized": true, "ping": true, "tools/list": true, "tools/call": true}

// Request answers before the call.
func (g *Gateway) Request(ctx context.Context, e Event) (reply Reply) {
	c := &call{gateway: g}
	defer c.unlessItPanics(&reply, codeUnavailable)
	if why := c.admit(ctx, e); why != "" {
		return c.refuse(codeRefused, why)
	}
	if c.message.Method != "tools/call" {
		return forward(nil, e.MCP.GatewayRequest.Body)
	}
	return c.request(ctx, e)
}

// unlessItPanics turns a bug into a denial. Before the tool nothing ran; after it that must
// not be said, or a write would be tried again.
func (c *call) unlessItPanics(reply *Reply, code int) {
	if recover() != nil {
		*reply = c.refuse(code, "a fault in the interceptor")
	}
}

// admit says why a message is nobody's call, "" for one that a verified user's lane sent.
func (c *call) admit(ctx context.Context, e Event) string {
	switch {
	case !c.gateway.complete():
		return "the gateway is not set up"
	case !c.decode(e):
		return "the message is not one JSON-RPC request"
	case !methods[c.message.Method]:
		return "the method is not on the list"
	case len(c.message.ID) == 0 && c.message.Method != "notifications/initialized":
		return "a request without an id: nobody could be answered"
	case !c.verify(ctx, e):
		return "the token is not trusted here"
	}
	return ""
}

// refuse denies what leaves no record, and tells operators why under the same reference.
func (c *call) refuse(code int, why string) Reply {
	if c.reference == "" { // it did not become a call, which is its own reference
		c.reference = newReference()
	}
	if c.gateway.Note != nil {
		c.gateway.Note(c.reference, why)
	}
	return c.deny(code, "")
}

func (g *Gateway) complete() bool {
	return g.Bundle != nil && g.Verifier != nil && g.Ledger != nil && g.Sealer != nil && g.Note != nil && g.Now != nil && g.Digest != "" && g.Schemas != nil
}

// Response answers after the call. What it cannot read or filter stays behind.
func (g *Gateway) Response(ctx context.Context, e Event) (reply Reply) {
	c := &call{gateway: g}
	defer c.unlessItPanics(&reply, codeFailed)
	if why := c.admit(ctx, e); why != "" {
		return c.refuse(c.afterwards(e), why)
	}
	return c.respond(ctx, e)
}

// afterwards is the code of a response that cannot be let out. What holds a result may have
// come from a tool that ran, though its token has expired meanwhile.
func (c *call) afterwards(e Event) int {
	var body struct {
		Result json.RawMessage `json:"result"`
	}
	if r := e.MCP.GatewayResponse; r != nil && json.Unmarshal(r.Body, &body) == nil && !isNull(body.Result) {
		return codeFailed
	}
	return codeRefused
}

// call is one message on its way through.
type call struct {
	gateway   *Gateway
	reference string
	message   message
	claims    identity.Claims
	tool      string
	arguments map[string]any
	sum       [32]byte // of the canonical arguments
	id        terms.CallID
}

func (c *call) decode(e Event) bool {
	request := e.MCP.GatewayRequest
	return request != nil && c.message.read(request.Body)
}

// verify reads the delegation token, which the gateway itself has already accepted. It is
// checked again, because the interceptor decides by its claims.
func (c *call) verify(ctx context.Context, e Event) bool {
	token, ok := bearer(e.MCP.GatewayRequest.Headers)
	if !ok {
		return false
	}
	claims, err := c.gateway.Verifier.Verify(ctx, token, c.gateway.Bundle.Lane.String(), c.gateway.Now())
	if err != nil || claims.Lane != c.gateway.Bundle.Lane {
		return false
	}
	c.claims = claims
	return true
}

// bearer is the one Authorization header's token. Two spellings of the header are two
// headers, and two are none.
func bearer(headers map[string]string) (string, bool) {
	token, found := "", 0
	for name, value := range headers {
		if strings.EqualFold(name, "Authorization") {
			found++
			scheme, rest, ok := strings.Cut(value, " ")
			if ok && strings.EqualFold(scheme, "Bearer") {
				token = rest
			}
		}
	}
	return token, found == 1 && token != ""
}

// readArguments takes the tool from target___tool. A name that is not of a declared target
// is no tool.
func (c *call) readArguments() {
	target, name, _ := strings.Cut(c.message.Params.Name, "___")
	if t := c.gateway.Bundle.Tools[name]; t != nil && t.Target == target {
		c.tool = name
	}
	c.arguments = c.message.Params.Arguments
	if c.arguments == nil {
		c.arguments = map[string]any{}
	}
}

// validate says what is wrong with the arguments of a tool the user may know of, else "".
func (c *call) validate(d policy.Decision) string {
	if c.tool == "" || !knows(d) {
		return "" // what is not the user's is refused like what does not exist
	}
	schema := c.gateway.Schemas[c.tool]
	if schema == nil {
		return "the tool has no input schema"
	}
	if err := schema.Validate(c.arguments); err != nil {
		return err.Error()
	}
	return ""
}

func (c *call) decide() policy.Decision {
	return c.gateway.Bundle.Decide(policy.Request{
		User: c.claims.User, Lane: c.claims.Lane, Purpose: c.claims.Purpose, Tool: c.tool, Args: c.arguments, At: c.gateway.Now(),
	})
}

// couldCall reports whether some arguments exist with which the user might call the tool:
// what tools/list shows. Hiding is not denying; every call is decided again.
func (c *call) couldCall(tool string) bool {
	return knows(c.gateway.Bundle.Decide(policy.Request{User: c.claims.User, Lane: c.claims.Lane, Purpose: c.claims.Purpose, Tool: tool, At: c.gateway.Now()}))
}

// knows reports whether the user may know of the decided call's tool: arguments have no part in it.
func knows(d policy.Decision) bool {
	return d.Checks[policy.Role].Effect == policy.Allow && d.Checks[policy.RBAC].Effect == policy.Allow && len(d.Constraints) == 0
}

// newReference is what an agent may quote and only operators can look up.
func newReference() string { return rand.Text()[:16] }

// referenceOf names a call: the record is found by it, and it tells nothing that whoever
// made the call does not know.
func referenceOf(call terms.CallID) string {
	raw, err := hex.DecodeString(string(call[:20]))
	if err != nil {
		return newReference() // identify writes hex
	}
	return base32.StdEncoding.EncodeToString(raw)
}

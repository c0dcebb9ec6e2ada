// Package gateway is the pair of interceptors that stand on both sides of every tool
// call. It knows only ports: who verifies tokens, who knows owners, who keeps records. It
// knows no AWS service and no declaration, only the lane's bundle. Start with
// [Gateway.Request]. The zero [Gateway] denies.
//
// REQUEST: decode, verify, validate, decide, attest, record, forward.
// RESPONSE: decode, verify, find the record, filter, rewrite.
//
// A denial is a JSON-RPC error with HTTP 200, because MCP clients drop the session on any
// other status. The agent sees one uniform refusal with an opaque reference; why is in the
// record.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"remit/audit"
	"remit/identity"
	"remit/policy"
	"remit/terms"
)

// Verifier says who is asking. It fails for every token it does not fully trust.
type Verifier interface {
	Verify(ctx context.Context, raw, audience string, now time.Time) (identity.Claims, error)
}

// Directory attests who owns a datum. It answers false for a datum it does not know.
type Directory interface {
	Owns(ctx context.Context, o policy.Ownership) (bool, error)
}

// Recorder keeps evidence. A call whose evidence cannot be kept does not run. Find answers
// what the REQUEST side recorded of a call, so that the RESPONSE side need not believe a
// tool. Note is for operators alone: what was refused before it was anybody's call.
type Recorder interface {
	Record(ctx context.Context, reference string, r audit.Record) error
	Find(ctx context.Context, call terms.CallID) (reference string, allowed, found bool)
	Note(ctx context.Context, reference, why string)
}

// Gateway serves both interception points of one lane. All fields but Unmetered are
// required; with any of them missing it denies.
type Gateway struct {
	Bundle    *policy.Bundle
	Digest    terms.Digest
	Verifier  Verifier
	Directory Directory
	Recorder  Recorder
	Schemas   map[string]Schema // tool → its input schema, compiled
	Now       func() time.Time

	// Unmetered says why calls may run without a ledger, which keeps limits, confirmations
	// and idempotency. No ledger is built yet; with an empty reason no tool call passes.
	Unmetered string
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
)

var messages = map[int]string{
	codeRefused:     "refused",
	codeInvalid:     "invalid arguments",
	codeUnavailable: "temporarily unavailable, try again later",
	codeFailed:      "the tool failed",
}

// methods are all that pass. Everything else could reach what no check looks at: prompts
// and resources are never governed by the policy engine (AgentCore developer guide,
// use-gateway-with-policy).
var methods = map[string]bool{"initialize": true, "notifications/initialized": true, "ping": true, "tools/list": true, "tools/call": true}

// Request answers before the call.
func (g *Gateway) Request(ctx context.Context, e Event) (reply Reply) {
	c := &call{gateway: g, reference: newReference()}
	defer c.unlessItPanics(ctx, &reply, codeUnavailable)
	if why := c.admit(ctx, e); why != "" {
		return c.refuse(ctx, codeRefused, why)
	}
	if c.message.Method != "tools/call" {
		return c.pass(e)
	}
	return c.request(ctx, e)
}

// unlessItPanics turns a bug into a denial. Before the tool nothing ran; after it that must
// not be said, or a write would be tried again.
func (c *call) unlessItPanics(ctx context.Context, reply *Reply, code int) {
	if recover() != nil {
		*reply = c.refuse(ctx, code, "a fault in the interceptor")
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
func (c *call) refuse(ctx context.Context, code int, why string) Reply {
	if c.gateway.Recorder != nil {
		c.gateway.Recorder.Note(ctx, c.reference, why)
	}
	return c.deny(code, "")
}

// request decides one tool call.
func (c *call) request(ctx context.Context, e Event) Reply {
	c.readArguments()
	if c.gateway.Unmetered == "" {
		return c.refuse(ctx, codeUnavailable, "there is no ledger to count the call")
	}
	invalid := c.validate()
	decision := c.decide()
	attested, err := c.attest(ctx, decision)
	if err != nil {
		return c.refuse(ctx, codeUnavailable, "the directory does not answer")
	}
	allowed := decision.Allowed() && attested && invalid == ""
	record := c.record(decision, allowed, attested)
	if invalid != "" {
		record.Checks = append(record.Checks, audit.Check{Name: "input", Reason: "the arguments do not fit the tool's schema", Rule: "tools." + c.tool + ".input"})
	}
	if err := c.gateway.Recorder.Record(ctx, c.reference, record); err != nil {
		return c.refuse(ctx, codeUnavailable, "the evidence cannot be kept")
	}
	switch {
	case invalid != "":
		return c.deny(codeInvalid, invalid)
	case !allowed:
		return c.deny(codeRefused, "")
	}
	return c.pass(e)
}

func (g *Gateway) complete() bool {
	return g.Bundle != nil && g.Verifier != nil && g.Directory != nil && g.Recorder != nil && g.Now != nil && g.Digest != "" && g.Schemas != nil
}

// Response answers after the call. What it cannot read or filter stays behind.
func (g *Gateway) Response(ctx context.Context, e Event) (reply Reply) {
	c := &call{gateway: g, reference: newReference()}
	defer c.unlessItPanics(ctx, &reply, codeFailed)
	if why := c.admit(ctx, e); why != "" {
		return c.refuse(ctx, c.afterwards(e), why)
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
// is no tool at all.
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
func (c *call) validate() string {
	if c.tool == "" || !c.couldCall(c.tool) {
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

func (c *call) attest(ctx context.Context, d policy.Decision) (bool, error) {
	if d.Owner == nil {
		return true, nil
	}
	return c.gateway.Directory.Owns(ctx, *d.Owner)
}

// couldCall reports whether some arguments exist with which the user might call the tool:
// what tools/list shows. Hiding is not denying; every call is decided again.
func (c *call) couldCall(tool string) bool {
	d := c.gateway.Bundle.Decide(policy.Request{User: c.claims.User, Lane: c.claims.Lane, Purpose: c.claims.Purpose, Tool: tool, At: c.gateway.Now()})
	return d.Checks[policy.Role].Effect == policy.Allow && d.Checks[policy.RBAC].Effect == policy.Allow && len(d.Constraints) == 0
}

func (c *call) record(d policy.Decision, allowed, attested bool) audit.Record {
	r := audit.Record{
		Execution: c.claims.Execution, Lane: c.claims.Lane, User: c.claims.User, Tool: c.tool, Bundle: c.gateway.Digest,
		At: c.gateway.Now(), Allowed: allowed, Call: callID(c),
	}
	if t := c.gateway.Bundle.Tools[c.tool]; t != nil && t.Audit.Reasoning && allowed {
		r.Rationale, _ = c.arguments[rationale].(string)
	}
	for _, check := range d.Checks {
		ok := check.Effect == policy.Allow
		reason := check.Reason.Sentence
		if check.Kind == policy.Tenant && d.Owner != nil && !attested {
			ok, reason = false, "the directory does not attest that the user's tenant owns the datum"
		}
		r.Checks = append(r.Checks, audit.Check{Name: check.Kind.String(), Allowed: ok, Reason: reason, Rule: check.Reason.Rule})
	}
	for _, k := range d.Constraints {
		r.Checks = append(r.Checks, audit.Check{Name: "constraint", Reason: k.Sentence, Rule: k.Rule})
	}
	r.Input = audit.Content{Digest: digestOf(c.arguments)}
	return r
}

// rationale is the argument by which an agent states why it calls a tool whose declaration
// requires reasoning. Of other calls nothing is kept in the clear.
const rationale = "rationale"

// newReference is what an agent may quote and only operators can look up.
func newReference() string { return rand.Text()[:16] }

// identityHeaders tell the target for whom it works. The client's own values never survive:
// the interceptor's headers win (AgentCore developer guide, gateway-headers).
func (c *call) identityHeaders() map[string]string {
	return map[string]string{
		"X-Remit-User": c.claims.User.ID, "X-Remit-Tenant": c.claims.User.Tenant, "X-Remit-Lane": c.claims.Lane.String(),
		"X-Remit-Execution": string(c.claims.Execution), "X-Remit-Call": string(callID(c)),
	}
}

// pass forwards the message as it came, without the token and with the identity headers.
func (c *call) pass(e Event) Reply {
	return forward(c.identityHeaders(), e.MCP.GatewayRequest.Body)
}

// respond rewrites what came back.
func (c *call) respond(ctx context.Context, e Event) Reply {
	response := e.MCP.GatewayResponse
	if response == nil || isNull(response.Body) {
		return silence // a notification, or the request side has answered; there is nothing to let out
	}
	var body struct {
		Result json.RawMessage `json:"result"`
		Error  *rpcError       `json:"error"`
	}
	if err := json.Unmarshal(response.Body, &body); err != nil {
		return c.refuse(ctx, codeFailed, "what came back is not JSON-RPC")
	}
	switch {
	case c.message.Method == "tools/call":
		return c.called(ctx, body.Result, body.Error)
	case body.Error != nil:
		return c.refuse(ctx, codeFailed, "the gateway answered with an error")
	case c.message.Method == "tools/list":
		return c.listed(ctx, body.Result)
	}
	return answer(c.message.ID, body.Result)
}

// called answers a tool call by what the REQUEST side recorded of it. A refusal there comes
// back as it was; an error of the tool keeps nothing of the tool's own, because errors and
// even references could carry data out; a result is filtered.
func (c *call) called(ctx context.Context, result json.RawMessage, failed *rpcError) Reply {
	c.readArguments()
	reference, allowed, found := c.gateway.Recorder.Find(ctx, callID(c))
	if found {
		c.reference = reference
	}
	switch {
	case found && !allowed:
		if invalid := c.validate(); invalid != "" {
			return c.deny(codeInvalid, invalid)
		}
		return c.deny(codeRefused, "")
	case !found && failed != nil && failed.Code == codeUnavailable:
		return c.refuse(ctx, codeUnavailable, "nothing ran")
	case !found:
		return c.refuse(ctx, codeRefused, "an answer to a call that was not let through")
	case failed != nil || isError(result):
		return c.deny(codeFailed, "")
	}
	kept, _, err := c.gateway.Bundle.Filter(c.tool, result)
	if err != nil {
		return c.deny(codeFailed, "")
	}
	return answer(c.message.ID, json.RawMessage(kept))
}

func isError(result json.RawMessage) bool {
	var r struct {
		IsError any `json:"isError"`
	}
	return json.Unmarshal(result, &r) != nil || r.IsError != nil && r.IsError != false
}

// listed keeps the tools this user could call.
func (c *call) listed(ctx context.Context, result json.RawMessage) Reply {
	var list struct {
		Tools []json.RawMessage `json:"tools"`
		Next  string            `json:"nextCursor,omitempty"`
	}
	if err := json.Unmarshal(result, &list); err != nil {
		return c.refuse(ctx, codeFailed, "the list of tools cannot be read")
	}
	kept := []json.RawMessage{}
	for _, raw := range list.Tools {
		var tool struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(raw, &tool) != nil {
			continue
		}
		c.message.Params.Name, c.tool = tool.Name, ""
		if c.readArguments(); c.tool != "" && c.couldCall(c.tool) {
			kept = append(kept, raw)
		}
	}
	list.Tools = kept
	return answer(c.message.ID, list)
}

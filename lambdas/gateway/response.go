package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"remit/audit"
	"remit/ledger"
	"remit/terms"
)

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
		return c.refuse(codeFailed, "what came back is not JSON-RPC")
	}
	switch {
	case c.message.Method == "tools/call":
		return c.called(ctx, body.Result, body.Error)
	case body.Error != nil:
		return c.refuse(codeFailed, "the gateway answered with an error")
	case c.message.Method == "tools/list":
		return c.listed(body.Result)
	case c.message.Method == "initialize":
		return c.initialized(body.Result)
	case c.message.Method == "ping":
		return answer(c.message.ID, struct{}{})
	}
	return silence
}

// initialized keeps of the gateway's introduction the protocol's version, a date. The rest is
// in our own words: there are tools and nothing else, whoever answers.
func (c *call) initialized(result json.RawMessage) Reply {
	var said struct {
		Protocol string `json:"protocolVersion"`
	}
	if err := json.Unmarshal(result, &said); err != nil {
		return c.refuse(codeFailed, "the gateway's introduction cannot be read")
	}
	if _, err := time.Parse(time.DateOnly, said.Protocol); err != nil {
		return c.refuse(codeFailed, "the gateway speaks no version of the protocol")
	}
	return answer(c.message.ID, map[string]any{
		"protocolVersion": said.Protocol, "capabilities": map[string]any{"tools": struct{}{}},
		"serverInfo": map[string]any{"name": "remit", "version": c.gateway.Bundle.Lane.Name},
	})
}

// called settles a tool call and answers it. The one write that settles also tells whether
// the call was let through: what was not is answered by what the REQUEST side recorded,
// never by what came back. A refusal of the REQUEST side settles nothing.
func (c *call) called(ctx context.Context, result json.RawMessage, failed *rpcError) Reply {
	c.readArguments()
	c.identify()
	if c.refusedHere(failed) {
		return c.notRun(ctx, failed)
	}
	end, err := c.end(ctx, result, failed)
	if err != nil {
		return c.refuse(codeFailed, err.Error())
	}
	err = c.gateway.Ledger.Settle(ctx, c.id, end.outcome)
	switch {
	case errors.Is(err, ledger.ErrNotReserved), errors.Is(err, ledger.ErrInvalid) && c.tool == "":
		return c.notRun(ctx, failed)
	case err != nil:
		return c.refuse(codeFailed, "the outcome cannot be kept, so nothing leaves: "+err.Error())
	}
	return end.reply
}

// refusedHere recognises the request side's own refusal. The same call may be in flight
// under an earlier pass, and what ran nothing ends nothing. A tool that says the same words
// settles nothing by them: its reservation ends with the lease, as if it had not answered.
func (c *call) refusedHere(failed *rpcError) bool {
	return failed != nil && slices.Contains(refusals, failed.Code) && failed.Message == messages[failed.Code] && failed.Data.Reference == c.reference
}

// end is how a call ended, what of it leaves, and what is kept.
type end struct {
	outcome ledger.Outcome
	reply   Reply
}

func (c *call) end(ctx context.Context, result json.RawMessage, failed *rpcError) (end, error) {
	now := c.gateway.Now()
	took := amounts(c.decide().Takes)
	out := end{outcome: ledger.Outcome{Execution: c.claims.Execution, Status: ledger.Done, User: c.claims.User, Took: took, Once: c.once(), At: now}}
	facts := audit.Outcome{At: now, Status: "done"}
	switch {
	case deniedByEngine(result, failed):
		out.outcome.Status, facts.Status, out.reply = ledger.Failed, "refused by the policy engine, as the answer has it", c.deny(codeRefused, "")
	case failed != nil || isError(result):
		out.outcome.Status, facts.Status, out.reply = ledger.Failed, "failed", c.deny(codeFailed, "")
	default:
		kept, withheld, err := c.gateway.Bundle.Filter(c.tool, result)
		if err != nil {
			out.outcome.Status, facts.Status, out.reply = ledger.Failed, "its reply cannot be filtered", c.deny(codeFailed, "")
			break
		}
		facts.Withheld, facts.Output.Digest = withheld, digestBytes(kept)
		out.reply = answer(c.message.ID, json.RawMessage(kept))
		if out.outcome.Result, err = c.keep(ctx, kept); err != nil {
			return end{}, err
		}
	}
	record, err := json.Marshal(facts)
	if err != nil {
		return end{}, err
	}
	out.outcome.Record = record
	return out, c.underApproval(ctx, &out.outcome)
}

// keep seals a result that later calls are answered with. One that is too large to keep is
// answered once, and the call ends all the same: later ones are told that it left no result.
func (c *call) keep(ctx context.Context, kept []byte) ([]byte, error) {
	t := c.policyOf()
	if t == nil || t.Once == nil && t.Confirmation == nil {
		return nil, nil
	}
	sealed, err := c.gateway.Sealer.Seal(ctx, c.claims.User.Tenant, kept)
	if len(sealed) > ledger.MaxResult {
		return nil, err
	}
	return sealed, err
}

// underApproval names the confirmation that the call ran under.
func (c *call) underApproval(ctx context.Context, o *ledger.Outcome) error {
	if t := c.policyOf(); t == nil || t.Confirmation == nil {
		return nil
	}
	approved, err := c.approved(ctx)
	o.Confirmation = approved
	return err
}

// deniedByEngine recognises how AgentCore says that the policy engine denied (AgentCore
// developer guide, use-gateway-with-policy). A tool can say the same, so it gives nothing
// back: nobody knows that nothing ran. The engine denies what this bundle allows only while
// a deployment is under way (policy/cedar: the two agree).
func deniedByEngine(result json.RawMessage, failed *rpcError) bool {
	if failed != nil {
		return failed.Code == codeEngine
	}
	var r struct {
		IsError bool `json:"isError"`
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
	}
	return json.Unmarshal(result, &r) == nil && r.IsError && len(r.Content) == 1 && strings.HasPrefix(r.Content[0].Text, "AuthorizeActionException - Tool Execution Denied")
}

// codeEngine is the policy engine's denial as an error.
const codeEngine = -32002

// notRun answers a call under which nothing is reserved, so that what came back is no
// tool's: a refusal of the request side comes back as it was, and what waits, or was done
// before, is told again.
func (c *call) notRun(ctx context.Context, failed *rpcError) Reply {
	found, err := c.gateway.Ledger.Find(ctx, c.claims.Execution, c.id)
	switch {
	case err != nil:
		return c.refuse(codeFailed, err.Error())
	case found.Status == ledger.Duplicate:
		return c.stored(ctx, found.Stored)
	case found.Status == ledger.Proposed:
		return c.waiting(ctx, found.Confirmation)
	case found.Status != "": // an earlier pass, in flight or ended; what came back may be a tool's
		return c.refuse(c.codeOf(failed), "an earlier pass of the call is "+string(found.Status))
	case c.confirmation() != "" && failed == nil && c.policyOf() != nil:
		return c.waiting(ctx, c.confirmation())
	case failed != nil && slices.Contains(refusals, failed.Code):
		return c.deny(failed.Code, c.detail(failed)) // no tool ran, so the words are ours
	}
	return c.refuse(codeRefused, "an answer to a call that was not let through")
}

// codeOf is a refusal's code, and else that the tool failed: its words stay behind.
func (c *call) codeOf(failed *rpcError) int {
	if failed != nil && slices.Contains(refusals, failed.Code) {
		return failed.Code
	}
	return codeFailed
}

// refusals are the codes that the request side answers with itself.
var refusals = []int{codeRefused, codeInvalid, codeUnavailable, codeLimit, codeEnded, codeUnknown}

// detail is what a refusal says besides its code, if that is in our own words.
func (c *call) detail(failed *rpcError) string {
	if failed.Code == codeInvalid {
		return c.validate(c.decide())
	}
	return failed.Data.Detail
}

func (c *call) waiting(ctx context.Context, id string) Reply {
	waits, err := c.gateway.Ledger.Confirmation(ctx, c.claims.User, id)
	if err != nil || waits.ID == "" || waits.Tool != c.tool || waits.Lane != c.claims.Lane {
		return c.refuse(codeRefused, "no such confirmation")
	}
	return c.standing(ctx, waits)
}

func isError(result json.RawMessage) bool {
	var r struct {
		IsError any `json:"isError"`
	}
	return json.Unmarshal(result, &r) != nil || r.IsError != nil && r.IsError != false
}

// listed names the tools this user could call, in the declaration's words: what a tool says
// of itself is text that a model obeys, and nobody reviewed it.
func (c *call) listed(result json.RawMessage) Reply {
	type entry struct {
		Name   string          `json:"name"`
		Says   string          `json:"description"`
		Schema json.RawMessage `json:"inputSchema"`
	}
	var list struct {
		Tools []json.RawMessage `json:"tools"`
		Next  string            `json:"nextCursor"`
	}
	if err := json.Unmarshal(result, &list); err != nil {
		return c.refuse(codeFailed, "the list of tools cannot be read")
	}
	kept := []entry{}
	for _, raw := range list.Tools {
		var tool struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(raw, &tool) != nil {
			continue
		}
		c.message.Params.Name, c.tool = tool.Name, ""
		if c.readArguments(); c.tool != "" && c.couldCall(c.tool) {
			kept = append(kept, entry{tool.Name, c.policyOf().Purpose, c.policyOf().Input})
		}
	}
	return answer(c.message.ID, struct {
		Tools []entry `json:"tools"`
		Next  string  `json:"nextCursor,omitempty"`
	}{kept, list.Next})
}

func digestBytes(text []byte) terms.Digest { return digestText(bytes.TrimSpace(text)) }

// Package gateway is the pair of interceptors that stand on both sides of every tool
// call. REQUEST: decode, verify, validate, decide, reserve, rewrite. RESPONSE: decode,
// verify, find the reservation, filter, settle, rewrite. It knows only ports. Start with
// [Gateway.Request]. The zero [Gateway] denies.
package gateway

import (
	"context"
	"encoding/json"
)

// Event is one interceptor invocation as AgentCore sends it (AgentCore developer guide,
// gateway-interceptors-types).
type Event struct {
	MCP json.RawMessage `json:"mcp"`
}

// Reply is what AgentCore gets back. Failure is never an error of the function: it is a
// denial inside the reply. The zero Reply denies.
type Reply struct {
	Version string          `json:"interceptorOutputVersion"`
	MCP     json.RawMessage `json:"mcp"`
}

// Gateway serves both interception points of one lane.
type Gateway struct{}

// denial is a JSON-RPC error with HTTP 200, because MCP clients drop the session on
// any other status. It carries no reason.
var denial = Reply{Version: "1.0", MCP: json.RawMessage(`{"transformedGatewayResponse":{"statusCode":200,"body":{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"refused"}}}}`)}

// Request answers before the call.
func (g *Gateway) Request(context.Context, Event) Reply { return denial }

// Response answers after it.
func (g *Gateway) Response(context.Context, Event) Reply { return denial }

package dev

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"remit/identity"
	"remit/lambdas/gateway"
	"remit/platform"
)

// protocols are the MCP revisions that are spoken, newest first: Streamable HTTP without
// sessions or server-sent events, as the lane's gateway is set up.
var protocols = []string{"2025-11-25", "2025-06-18"}

// mcp is one message to a lane's gateway.
func (s *Server) mcp(w http.ResponseWriter, r *http.Request) {
	l := s.current().lanes[r.PathValue("agent")+"/"+r.PathValue("lane")]
	if l == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "this gateway answers POST only; it opens no event stream", http.StatusMethodNotAllowed)
		return
	}
	if _, err := l.gateway.Verifier.Verify(r.Context(), identity.Bearer(r), l.Term().String(), s.now()); err != nil {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, rpcError(nil, -32001, "Invalid Bearer token"))
		return
	}
	if version := r.Header.Get("MCP-Protocol-Version"); version != "" && !slices.Contains(protocols, version) {
		http.Error(w, "MCP-Protocol-Version: "+strings.Join(protocols, ", "), http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, gateway.MaxBody+1))
	switch {
	case len(body) > gateway.MaxBody:
		writeJSON(w, http.StatusRequestEntityTooLarge, rpcError(nil, -32600, fmt.Sprintf("larger than %d bytes", gateway.MaxBody)))
		return
	case err != nil || !json.Valid(body) || !utf8.Valid(body): // Go reads bytes that are no UTF-8, each as U+FFFD; the target might read something else
		writeJSON(w, http.StatusBadRequest, rpcError(nil, -32700, "not JSON"))
		return
	}
	answer(w, s.through(r, l, body))
}

func answer(w http.ResponseWriter, message *gateway.Message) {
	if message == nil || len(message.Body) == 0 {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(message.Body) // the client has gone if this fails
}

// through takes a message through AgentCore's order: REQUEST interceptor, policy engine,
// target, RESPONSE interceptor. The response side also sees what was refused before it.
func (s *Server) through(r *http.Request, l *lane, body []byte) *gateway.Message {
	var e gateway.Event
	e.MCP.GatewayRequest = &gateway.Message{Path: "/mcp", Method: r.Method, Headers: headers(r), Body: body}
	before := l.gateway.Request(r.Context(), e)
	if before.MCP.Request != nil {
		e.MCP.GatewayResponse = s.serve(r, l, before.MCP.Request)
	} else {
		e.MCP.GatewayResponse = before.MCP.Response
	}
	if e.MCP.GatewayResponse == nil {
		return nil
	}
	return l.gateway.Response(r.Context(), e).MCP.Response
}

func headers(r *http.Request) map[string]string {
	out := map[string]string{}
	for name, values := range r.Header {
		out[name] = strings.Join(values, ", ")
	}
	return out
}

// serve answers what the gateway itself answers, and calls the target of a tool call. It
// sees what the REQUEST interceptor wrote and nothing else: no token.
func (s *Server) serve(r *http.Request, l *lane, request *gateway.Message) *gateway.Message {
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params struct {
			Name            string          `json:"name"`
			Arguments       json.RawMessage `json:"arguments"`
			ProtocolVersion string          `json:"protocolVersion"`
		} `json:"params"`
	}
	if json.Unmarshal(request.Body, &m) != nil {
		return nil
	}
	switch m.Method {
	case "initialize":
		return result(m.ID, initialized(m.Params.ProtocolVersion))
	case "ping":
		return result(m.ID, map[string]any{})
	case "tools/list":
		return result(m.ID, map[string]any{"tools": l.tools()})
	case "tools/call":
		if !l.engine.allows(identity.Bearer(r), m.Params.Name) {
			fmt.Fprintf(s.log, "%s: the policy engine refuses what the interceptor allowed; the two must agree\n", m.Params.Name)
			return result(m.ID, engineDenial)
		}
		_, tool, _ := strings.Cut(m.Params.Name, "___")
		return result(m.ID, s.call(r, l, tool, m.Params.Arguments, request.Headers))
	}
	return nil // notifications
}

// engineDenial is how AgentCore says that its policy engine denied (developer guide,
// use-gateway-with-policy).
var engineDenial = map[string]any{"isError": true, "content": []any{map[string]any{"type": "text", "text": "AuthorizeActionException - Tool Execution Denied: Tool call not allowed due to policy enforcement"}}}

func initialized(wanted string) map[string]any {
	version := protocols[0]
	if slices.Contains(protocols, wanted) {
		version = wanted
	}
	return map[string]any{
		"protocolVersion": version, "capabilities": map[string]any{"tools": map[string]any{}},
		"serverInfo": map[string]any{"name": "remit-dev", "version": "0.1.0"},
	}
}

// tools is every tool of the lane; the RESPONSE interceptor shows each user their own.
func (l *lane) tools() []map[string]any {
	out := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(l.gateway.Bundle.Tools)) {
		t := l.gateway.Bundle.Tools[name]
		out = append(out, map[string]any{"name": platform.TargetName(name) + "___" + name, "description": t.Purpose, "inputSchema": t.Input})
	}
	return out
}

// call answers with the declared mock reply, or with what a local server at the declared
// URL says.
func (s *Server) call(r *http.Request, l *lane, tool string, arguments json.RawMessage, identity map[string]string) map[string]any {
	reply := l.mocks[tool]
	if address, ok := reply.(string); ok && loopback(address) {
		var err error
		if reply, err = ask(r, address, arguments, identity); err != nil {
			fmt.Fprintf(s.log, "%s: the local server failed: %v\n", tool, err)
			return map[string]any{"isError": true, "content": []any{}}
		}
	}
	text, err := json.Marshal(reply)
	if err != nil || reply == nil {
		fmt.Fprintf(s.log, "%s: no mock is declared\n", tool)
		return map[string]any{"isError": true, "content": []any{}}
	}
	text = bytes.ReplaceAll(text, []byte("{run}"), []byte(strconv.Itoa(s.run(tool))))
	out := map[string]any{"content": []any{map[string]any{"type": "text", "text": string(text)}}}
	if _, ok := reply.(map[string]any); ok {
		out["structuredContent"] = json.RawMessage(text)
	}
	return out
}

// run counts a tool's runs: {run} in a mock is the number of this one.
func (s *Server) run(tool string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[tool]++
	return s.runs[tool]
}

// maxMock and mockTimeout bound what a local server may take.
const (
	maxMock     = 1 << 20 // bytes
	mockTimeout = 30 * time.Second
)

// loopback reports whether an address is a server on this machine, whatever else the text
// looks like.
func loopback(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && u.User == nil && u.Hostname() == "127.0.0.1"
}

// local follows no redirect, which could carry arguments and identity to another host.
var local = &http.Client{Timeout: mockTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func ask(r *http.Request, address string, arguments json.RawMessage, identity map[string]string) (any, error) {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, address, bytes.NewReader(arguments))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range identity {
		request.Header.Set(name, value)
	}
	response, err := local.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("it answered %s", response.Status)
	}
	var out any
	return out, json.NewDecoder(io.LimitReader(response.Body, maxMock)).Decode(&out)
}

func result(id json.RawMessage, value any) *gateway.Message {
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "result": value})
	if err != nil {
		return nil
	}
	return &gateway.Message{StatusCode: http.StatusOK, Body: text}
}

func rpcError(id any, code int, message string) map[string]any {
	return map[string]any{"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": code, "message": message}}
}

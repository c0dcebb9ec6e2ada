package approve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Answered is the gateway's own refusal, as an agent would see it.
type Answered struct {
	Code               int
	Message, Reference string
}

// Error says it in one line.
func (a *Answered) Error() string {
	return fmt.Sprintf("the gateway answered %d: %s, reference %s", a.Code, a.Message, a.Reference)
}

// OverHTTP calls gateways with a client: one JSON-RPC message, no session. It follows no
// redirect: the token is for the gateway that registered, and for nobody it points at.
type OverHTTP struct{ Client *http.Client }

// maxAnswer bounds what a gateway may answer, in bytes: AgentCore's payload limit.
const maxAnswer = 6 << 20

// Call sends one tool call. It fails with [*Answered] when the gateway answers an error. Only
// a result with HTTP 200 is one: AWS says what it refuses as {"message": …}, which is JSON too.
func (h OverHTTP) Call(ctx context.Context, url, token, tool string, arguments json.RawMessage) (json.RawMessage, error) {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": map[string]any{"name": tool, "arguments": arguments}})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	direct := *h.Client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := direct.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the lane's gateway: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	var out struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
			Data    struct {
				Reference string `json:"reference"`
			} `json:"data"`
		} `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&out); err != nil {
		return nil, fmt.Errorf("the lane's gateway answered no JSON-RPC: %w", err)
	}
	switch {
	case out.Error != nil:
		return nil, &Answered{out.Error.Code, out.Error.Message, out.Error.Data.Reference}
	case response.StatusCode != http.StatusOK || len(out.Result) == 0 || string(out.Result) == "null":
		return nil, fmt.Errorf("the lane's gateway answered %s and no result", response.Status)
	}
	return out.Result, nil
}

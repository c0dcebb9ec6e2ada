// Package reach is the target behind a lane's reach tools: after the four checks it takes
// the one role that the lane may take in a resource account, tagged with tool, tenant,
// execution and the user as source identity, and reads what is declared. It knows ports; it
// knows no other table, API or account. Start with [Reach.Serve]. The zero [Reach] refuses.
package reach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"remit/policy"
)

// Session is one taken role, for one call.
type Session struct {
	Reached policy.Reached
	Tool    string
	Caller  Caller
}

// Caller is for whom the call is, as the gateway's interceptor says it. The client's own
// values never arrive here (AgentCore developer guide, gateway-headers).
type Caller struct{ User, Tenant, Execution, Lane string }

// Reader reads a table or calls an API in a session. It answers decoded JSON.
type Reader interface {
	Read(ctx context.Context, s Session, key map[string]any) ([]map[string]any, error)
	Call(ctx context.Context, s Session, operation string, arguments map[string]any) (any, error)
}

// Reach serves every reach tool of one lane.
type Reach struct {
	Lane    string // as [terms.Lane] prints it
	Reaches map[string]policy.Reached
	Reader  Reader
}

// ErrRefused is every way in which a call is not served; the text says which.
var ErrRefused = errors.New("reach: refused")

func refuse(why string) error { return fmt.Errorf("%w: %s", ErrRefused, why) }

// Serve reads for one call. custom is the client context that AgentCore hands a Lambda
// target: values are text, and the propagated headers are JSON in a text.
func (r *Reach) Serve(ctx context.Context, custom map[string]string, arguments map[string]any) (any, error) {
	_, tool, _ := strings.Cut(custom["bedrockAgentCoreToolName"], "___")
	reached, known := r.Reaches[tool]
	if !known || r.Reader == nil {
		return nil, refuse("no reach tool of this lane has this name")
	}
	caller, err := callerOf(custom["bedrockAgentCorePropagatedHeaders"])
	if err != nil {
		return nil, err
	}
	if caller.Lane != r.Lane {
		return nil, refuse("the call is another lane's")
	}
	session := Session{Reached: reached, Tool: tool, Caller: caller}
	if len(reached.Operations) > 0 {
		return r.Reader.Call(ctx, session, reached.Operations[0], arguments)
	}
	key := keyOf(reached, arguments)
	if len(key) == 0 {
		return nil, refuse("no argument is part of the table's key")
	}
	items, err := r.Reader.Read(ctx, session, key)
	if err != nil {
		return nil, err
	}
	return map[string]any{reached.Reply: items}, nil
}

// callerOf reads the identity headers; without a user, tenant and execution nobody asks.
func callerOf(headers string) (Caller, error) {
	var found map[string]string
	if err := json.Unmarshal([]byte(headers), &found); err != nil {
		return Caller{}, refuse("no identity headers arrived")
	}
	lower := map[string]string{}
	for name, value := range found {
		lower[strings.ToLower(name)] = value
	}
	c := Caller{User: lower["x-remit-user"], Tenant: lower["x-remit-tenant"], Execution: lower["x-remit-execution"], Lane: lower["x-remit-lane"]}
	if c.User == "" || c.Tenant == "" || c.Execution == "" {
		return Caller{}, refuse("the call does not say for whom it is")
	}
	return c, nil
}

// keyOf is the arguments named like an attribute that may be read: they are the key.
func keyOf(reached policy.Reached, arguments map[string]any) map[string]any {
	key := map[string]any{}
	for _, attribute := range reached.Attributes {
		if value, given := arguments[attribute]; given {
			key[attribute] = value
		}
	}
	return key
}

package dev

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"remit/policy"
	rendered "remit/policy/cedar"
)

// engine stands where AgentCore asks the lane's policy engine: between the interceptors,
// over the policies that would be deployed.
type engine struct {
	policies *cedar.PolicySet
	gateway  string
}

func newEngine(b *policy.Bundle, gateway string) (*engine, error) {
	statements, err := rendered.Render(b, gateway)
	if err != nil {
		return nil, err
	}
	e := &engine{policies: cedar.NewPolicySet(), gateway: gateway}
	for _, p := range statements {
		var parsed cedar.Policy
		if err := parsed.UnmarshalCedar([]byte(p.Statement)); err != nil {
			return nil, fmt.Errorf("policy %s: %w", p.Name, err)
		}
		e.policies.Add(cedar.PolicyID(p.Name), &parsed)
	}
	return e, nil
}

// allows asks for one action, target___tool, with the claims of a verified token as the
// principal's tags. Claims that are lists or objects are left out: how they arrive is
// unproven, and no policy reads them.
func (e *engine) allows(token, action string) bool {
	claims := claimsOf(token)
	tags := types.RecordMap{}
	for name, value := range claims {
		if text, ok := value.(string); ok {
			tags[types.String(name)] = types.String(text)
		}
	}
	subject, _ := claims["sub"].(string)
	user := types.NewEntityUID("AgentCore::OAuthUser", types.String(subject))
	decision, _ := cedar.Authorize(e.policies, types.EntityMap{user: {UID: user, Tags: types.NewRecord(tags)}}, cedar.Request{
		Principal: user, Action: types.NewEntityUID("AgentCore::Action", types.String(action)),
		Resource: types.NewEntityUID("AgentCore::Gateway", types.String(e.gateway)), Context: types.NewRecord(types.RecordMap{"input": types.NewRecord(nil)}),
	})
	return bool(decision)
}

// claimsOf reads the claims of a token that has been verified; of anything else, nothing.
func claimsOf(token string) map[string]any {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims map[string]any
	if json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	return claims
}

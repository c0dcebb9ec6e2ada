package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"remit/policy"
	rendered "remit/policy/cedar"
	"remit/terms"
)

var benchLane = terms.Lane{Platform: "bench", Environment: "test", Agent: "helper", Name: "stable"}

const benchGateway = "arn:aws:bedrock-agentcore:us-east-1:111111111111:gateway/bench-0000000000"

// noon is when everything happens here: by day, when writes are allowed.
var noon = time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)

// laneOf is a bundle with n tools, every second of which writes, and a constraint of three kinds.
func laneOf(from, n int) policy.Bundle {
	b := policy.Bundle{
		Format: policy.Format, Lane: benchLane, Day: "America/New_York", Callers: []string{"clerk", "lead"}, Purposes: []string{"ordering"}, Tools: map[string]*policy.Tool{},
		Constraints: []policy.Constraint{
			{ID: "canary", When: policy.When{Lane: "canary"}, Forbid: policy.Forbid{Access: terms.Write}},
			{ID: "trainees", When: policy.When{UserRole: "trainee", UserRoles: []string{"trainee"}}, Forbid: policy.Forbid{DataClass: "SECRET"}},
			{ID: "audits", When: policy.When{Purpose: "auditing"}, Forbid: policy.Forbid{Access: terms.Write}},
		},
	}
	for i := from; i < from+n; i++ {
		b.Tools[fmt.Sprintf("tool_%d", i)] = &policy.Tool{
			Target: fmt.Sprintf("tool-%d", i), Access: []terms.Access{terms.Read, terms.Write}[i%2], DataClass: "OPEN", Callers: []string{"lead"}, Input: json.RawMessage(`{}`),
			Datum: &policy.Datum{Directory: "orders", Argument: "order"}, Allow: []string{"$.state"}, Never: []string{"card"}, PerUserDay: 5,
		}
	}
	return b
}

func loadedLane(from, n int) (*policy.Bundle, error) {
	b := laneOf(from, n)
	text, err := b.Canonical()
	if err != nil {
		return nil, err
	}
	return policy.Load(text)
}

// called is the one call that all decide.
var called = policy.Request{
	User: terms.User{ID: "ana", Tenant: "north", Roles: []string{"clerk", "lead"}}, Lane: benchLane, Purpose: "ordering", Tool: "tool_1",
	Args: map[string]any{"order": "O-1"}, At: noon,
}

func deciding(b *policy.Bundle) side {
	return side{batch: 256, run: func(n int) error {
		for range n {
			if d := b.Decide(called); !d.Allowed() {
				return errors.New("the benchmark measures a refusal")
			}
		}
		return nil
	}}
}

// cedarAt is how many tools are rendered at once: an AgentCore engine holds no more policies
// than [rendered.MaxPolicies], and the largest lane here is measured all the same.
const cedarAt = 100

// cedarOf is cedar-go over the policies of a lane of n tools, asked for the same call.
func cedarOf(n int) (side, error) {
	set := cedar.NewPolicySet()
	for from := 0; from < n; from += cedarAt {
		part, err := loadedLane(from, min(cedarAt, n-from))
		if err != nil {
			return side{}, err
		}
		policies, err := rendered.Render(part, benchGateway)
		if err != nil {
			return side{}, err
		}
		for _, p := range policies {
			var parsed cedar.Policy
			if err := parsed.UnmarshalCedar([]byte(p.Statement)); err != nil {
				return side{}, err
			}
			set.Add(cedar.PolicyID(p.Name), &parsed)
		}
	}
	user := types.NewEntityUID("AgentCore::OAuthUser", "ana")
	tags := types.NewRecord(types.RecordMap{"sub": types.String("ana"), "tenant": types.String("north"), "purpose": types.String("ordering"), "roles_s": types.String(".clerk.lead.")})
	entities := types.EntityMap{user: {UID: user, Tags: tags}}
	request := cedar.Request{
		Principal: user, Action: types.NewEntityUID("AgentCore::Action", "tool-1___tool_1"), Resource: types.NewEntityUID("AgentCore::Gateway", benchGateway),
		Context: types.NewRecord(types.RecordMap{"input": types.NewRecord(nil)}),
	}
	return side{batch: max(1, 200/n), run: func(times int) error {
		for range times {
			if decision, _ := cedar.Authorize(set, entities, request); !bool(decision) {
				return errors.New("cedar-go refuses what policy allows")
			}
		}
		return nil
	}}, nil
}

// decided are the rows of the decision core.
func decided(rounds int) ([]row, error) {
	sizes := []int{10, 100, 10_000}
	var sides []side
	for _, n := range sizes {
		b, err := loadedLane(0, n)
		if err != nil {
			return nil, err
		}
		sides = append(sides, deciding(b))
	}
	took, err := within(rounds, sides...)
	if err != nil {
		return nil, err
	}
	rows := []row{
		costRatio("Decide at 100 tools : at 10", took[0], took[1], 1.2, ""),
		costRatio("Decide at 10,000 tools : at 10", took[0], took[2], 1.2, ""),
		cost("Decide at 10,000 tools", took[2], 5, ""),
		allocations("allocations of Decide at 10,000 tools", 2, func() { _ = sides[2].run(1) }),
	}
	for i, n := range sizes {
		engine, err := cedarOf(n)
		if err != nil {
			return nil, err
		}
		pair, err := within(rounds, sides[i], engine) // apart, because a large engine empties the cache of whoever comes next
		if err != nil {
			return nil, err
		}
		rows = append(rows, costRatio(fmt.Sprintf("cedar-go, same policies : Decide, %d tools", n), pair[0], pair[1], 0, ""))
	}
	return rows, nil
}

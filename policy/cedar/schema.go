package cedar

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/policy"
	"remit/terms"
)

// MaxSchema is the largest Cedar schema an engine takes, in bytes (developer guide,
// bedrock-agentcore-limits).
const MaxSchema = 400_000

const schemaHead = `namespace AgentCore {
  entity OAuthUser = { "id": String } tags String;
  entity IamEntity = { "id": String };
  entity Gateway;

  action "Mcp";
  action "CallTool" in ["Mcp"];
`

// Schema is the Cedar schema that AgentCore would make of the lane's gateway, to check
// policies against before AgentCore does (developer guide, policy-schema-constraints). An
// argument whose JSON Schema is not of one type is left out, so that no policy can read
// it. It is a likeness: the engine's own schema cannot be read back.
func Schema(b *policy.Bundle) ([]byte, error) {
	l := lane{Bundle: b}
	var out strings.Builder
	out.WriteString(schemaHead)
	for _, name := range l.toolNames() {
		var input node
		if err := json.Unmarshal(b.Tools[name].Input, &input); err != nil {
			return nil, fmt.Errorf("%w: tools.%s.input: %w", ErrUnsayable, name, err)
		}
		if l.served(name) {
			fmt.Fprintf(&out, "\n  action %s in [\"CallTool\"] appliesTo {\n    principal: [OAuthUser, IamEntity],\n    resource: [Gateway],\n    context: { \"input\": %s }\n  };\n",
				quote(l.action(name)), input.record())
		}
	}
	out.WriteString("}\n")
	if out.Len() > MaxSchema {
		return nil, fmt.Errorf("%w: its schema has %d bytes, and an engine takes %d", ErrUnsayable, out.Len(), MaxSchema)
	}
	return []byte(out.String()), nil
}

// served reports whether the gateway has a target for the tool: a tool that its lane is
// forbidden for good has none (see platform.Running).
func (l *lane) served(name string) bool {
	return !slices.ContainsFunc(l.Constraints, func(c policy.Constraint) bool {
		w := c.When
		return w.UserRole == "" && w.DataClass == "" && w.Access == "" && w.Purpose == "" && w.Hours == terms.Hours{} && l.forbids(c, name)
	})
}

// node is what is read of a JSON Schema.
type node struct {
	Type       any                        `json:"type"`
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required"`
	Items      json.RawMessage            `json:"items"`
}

func (n node) record() string {
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		kind, ok := cedarType(n.Properties[name])
		if !ok {
			continue
		}
		mark := "?: "
		if slices.Contains(n.Required, name) {
			mark = ": "
		}
		fields = append(fields, quote(name)+mark+kind)
	}
	if len(fields) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(fields, ", ") + " }"
}

// cedarType is the Cedar type of a JSON Schema, if it has exactly one.
func cedarType(text json.RawMessage) (string, bool) {
	var n node
	if err := json.Unmarshal(text, &n); err != nil {
		return "", false
	}
	switch n.Type {
	case "string":
		return "String", true
	case "integer":
		return "Long", true
	case "boolean":
		return "Bool", true
	case "number":
		return "decimal", true
	case "object":
		return n.record(), true
	case "array":
		item, ok := cedarType(n.Items)
		return "Set<" + item + ">", ok
	}
	return "", false
}

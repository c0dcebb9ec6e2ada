package gateway

import (
	"encoding/json"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"

	"remit/policy"
)

// Compile makes the input schema of every tool of a bundle ready. It fails for the first
// schema that is none; a gateway without a tool's schema refuses that tool.
func Compile(b *policy.Bundle) (map[string]Schema, error) {
	out := map[string]Schema{}
	for name, tool := range b.Tools {
		var schema jsonschema.Schema
		if err := json.Unmarshal(tool.Input, &schema); err != nil {
			return nil, fmt.Errorf("input schema of %s: %w", name, err)
		}
		resolved, err := schema.Resolve(nil)
		if err != nil {
			return nil, fmt.Errorf("input schema of %s: %w", name, err)
		}
		out[name] = resolved
	}
	return out, nil
}

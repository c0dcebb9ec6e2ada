package assembly

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds a YAML template whose aliases multiply.
const maxNodes = 1 << 20

// fromYAML turns a YAML template into the JSON that CloudFormation makes of it, short forms
// such as !Ref and !GetAtt included (CloudFormation user guide, intrinsic functions).
func fromYAML(text []byte) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 {
		return nil, fmt.Errorf("want one document")
	}
	nodes := 0
	value, err := plainValue(document.Content[0], 0, &nodes)
	if err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

func plainValue(n *yaml.Node, depth int, nodes *int) (any, error) {
	*nodes++
	if depth > 2*maxDepth || *nodes > maxNodes {
		return nil, fmt.Errorf("line %d: nested too deep, or too large", n.Line)
	}
	bare, err := untagged(n, depth, nodes)
	if err != nil || !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return bare, err
	}
	name := strings.TrimPrefix(n.Tag, "!")
	switch name {
	case "Ref", "Condition":
		return map[string]any{name: bare}, nil
	case "GetAtt":
		if text, ok := bare.(string); ok {
			id, attribute, _ := strings.Cut(text, ".")
			bare = []any{id, attribute}
		}
	}
	return map[string]any{"Fn::" + name: bare}, nil
}

func untagged(n *yaml.Node, depth int, nodes *int) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return plainValue(n.Alias, depth+1, nodes)
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			v, err := plainValue(item, depth+1, nodes)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.MappingNode:
		return mapping(n, depth, nodes)
	}
	return scalar(n)
}

func mapping(n *yaml.Node, depth int, nodes *int) (any, error) {
	out := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return nil, fmt.Errorf("line %d: want a plain key", key.Line)
		}
		if _, twice := out[key.Value]; twice {
			return nil, fmt.Errorf("line %d: %s stands here twice", key.Line, key.Value)
		}
		v, err := plainValue(n.Content[i+1], depth+1, nodes)
		if err != nil {
			return nil, err
		}
		out[key.Value] = v
	}
	return out, nil
}

// scalar keeps text as text: a version such as 2012-10-17 is no date, and an account number
// no octal.
func scalar(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!null":
		return nil, nil
	case "!!bool":
		var v bool
		if err := n.Decode(&v); err != nil {
			return nil, fmt.Errorf("line %d: %w", n.Line, err)
		}
		return v, nil
	case "!!int", "!!float":
		if strings.HasPrefix(n.Value, "0") && len(n.Value) > 1 && !strings.HasPrefix(n.Value, "0.") {
			return n.Value, nil
		}
		var v float64
		if err := n.Decode(&v); err != nil {
			return nil, fmt.Errorf("line %d: %w", n.Line, err)
		}
		return v, nil
	}
	return n.Value, nil
}

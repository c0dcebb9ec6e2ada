package proof

import (
	"fmt"
	"slices"
	"strings"

	"remit/iam"
)

// condition compiles one condition to alternatives.
func (c *compiler) condition(k iam.Condition, version string, surely bool) []cube {
	op, err := iam.ParseOperator(k.Op)
	key := strings.ToLower(k.Key)
	if err != nil {
		c.doubt("%s %s: %v", k.Op, k.Key, err)
		return c.doubtful(surely)
	}
	if op.Kind == iam.Presence {
		return c.null(k, key, surely)
	}
	if derived, ok := callerKeys[key]; ok {
		return c.ofCaller(k, op, derived, version, surely)
	}
	u := c.uses[key]
	switch {
	case op.Each == iam.Single && c.several(key):
		c.doubt("%s %s: the key has several values, the operator reads one", k.Op, k.Key)
		return c.doubtful(surely)
	case op.Kind == iam.Text, op.Kind == iam.ARNs, op.Kind == iam.Bools && u.text:
		return c.texts(k, key, op, version, surely)
	case u.text || u.others && u.bools:
		c.doubt("%s %s: the key is compared as text and as something else", k.Op, k.Key)
		return c.doubtful(surely)
	}
	return c.measures(k, key, op, surely)
}

// quantifier is how the operator reads the key, given that it may have several values.
func (c *compiler) quantifier(key string, op iam.Operator) iam.Each {
	if c.several(key) {
		return op.Each
	}
	return iam.Single
}

func (c *compiler) texts(k iam.Condition, key string, op iam.Operator, version string, surely bool) []cube {
	values, complete := c.values(k.Values, version, op.Reading(), k.Op+" "+k.Key)
	of := func(globs []glob) *atom {
		return &atom{dim: key, each: c.quantifier(key, op), negated: op.Negated, absent: op.Absent(), values: union(op.Fold, globs...)}
	}
	return c.alternatives(comparison{values, complete, op.Negated, op.Each == iam.All, op.Absent(), of}, surely)
}

func (c *compiler) ofCaller(k iam.Condition, op iam.Operator, derived callerKey, version string, surely bool) []cube {
	if op.Kind != iam.Text && op.Kind != iam.ARNs && op.Kind != iam.Bools {
		c.doubt("%s %s: the key is text", k.Op, k.Key)
		return c.doubtful(surely)
	}
	values, complete := c.values(k.Values, version, op.Reading(), k.Op+" "+k.Key)
	of := func(globs []glob) *atom { return derived.truth(op, globs) }
	return c.alternatives(comparison{values, complete, op.Negated, false, op.Absent(), of}, surely)
}

// null compiles Null: true is an absent key.
func (c *compiler) null(k iam.Condition, key string, surely bool) []cube {
	var out []cube
	for _, v := range k.Values {
		switch strings.ToLower(v) {
		case "true":
			out = append(out, cube{c.presence(key, false)})
		case "false":
			out = append(out, cube{c.presence(key, true)})
		default:
			c.doubt("Null %s: %q is neither true nor false", k.Key, v)
			out = append(out, c.doubtful(surely)...)
		}
	}
	return out
}

// measures compiles numbers, dates, addresses and booleans.
func (c *compiler) measures(k iam.Condition, key string, op iam.Operator, surely bool) []cube {
	for _, want := range k.Values {
		if err := readable(op, want); err != nil {
			c.doubt("%s %s: %v", k.Op, k.Key, err)
			return c.doubtful(surely)
		}
	}
	return []cube{{c.is(&atom{dim: key, each: c.quantifier(key, op), negated: op.Negated, absent: op.Absent(), op: op, wants: slices.Clone(k.Values)})}}
}

func readable(op iam.Operator, want string) error {
	if strings.Contains(want, "${") {
		return fmt.Errorf("%q: a variable where a value is measured", want)
	}
	if op.Kind == iam.Numbers && len(want) > longest {
		return fmt.Errorf("%q is longer than %d characters", want, longest)
	}
	if op.Kind == iam.Bools && !strings.EqualFold(want, "true") && !strings.EqualFold(want, "false") {
		return fmt.Errorf("%q is neither true nor false", want)
	}
	if op.Kind == iam.IPs {
		_, err := iam.ParseNetwork(want)
		return err
	}
	_, err := op.Compares(want, want)
	return err
}

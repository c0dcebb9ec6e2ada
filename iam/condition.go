package iam

import "strings"

// keys is a request's context with the names of keys in lower case.
type keys map[string][]string

// holds evaluates one condition. Operators and values that cannot be read are maybe.
func (c Condition) holds(context keys, version string) truth {
	op, err := ParseOperator(c.Op)
	if err != nil {
		return maybe
	}
	have := context[strings.ToLower(c.Key)]
	switch {
	case op.Kind == Presence:
		return absence(c.Values, len(have) == 0)
	case len(have) == 0:
		return isTrue(op.Absent())
	case op.Each == Single && len(have) > 1:
		return maybe // AWS: several values need a set operator
	}
	out := isTrue(op.Each != Any)
	for _, value := range have {
		match := c.matches(op, value, context, version)
		if op.Each == Any {
			out = some(out, match)
		} else {
			out = all(out, match)
		}
	}
	return out
}

// absence evaluates Null: true wants the key absent.
func absence(values []string, absent bool) truth {
	out := no
	for _, v := range values {
		switch {
		case strings.EqualFold(v, "true"):
			out = some(out, isTrue(absent))
		case strings.EqualFold(v, "false"):
			out = some(out, isTrue(!absent))
		default:
			out = some(out, maybe)
		}
	}
	return out
}

// matches compares one value of the request with the alternatives of the policy.
func (c Condition) matches(op Operator, value string, context keys, version string) truth {
	out := no
	for _, want := range c.Values {
		out = some(out, op.match(value, want, context, version))
	}
	if op.Negated {
		return out.not()
	}
	return out
}

func (o Operator) match(value, want string, context keys, version string) truth {
	p, err := ParsePattern(want, version, o.Reading())
	if err != nil {
		return maybe
	}
	p, bound := p.bind(context)
	switch {
	case bound == no && o.Negated:
		return maybe // AWS does not say what "not equal to nothing" is
	case bound != yes:
		return bound
	case o.Kind == Text || o.Kind == ARNs:
		return isTrue(p.match(value, o.Fold))
	}
	fits, err := o.Compares(value, p.text())
	if err != nil {
		return maybe
	}
	return isTrue(fits)
}

// text is a pattern without wildcards and variables as the string it matches.
func (p Pattern) text() string {
	var out strings.Builder
	for _, piece := range p {
		out.WriteRune(piece.Rune)
	}
	return out.String()
}

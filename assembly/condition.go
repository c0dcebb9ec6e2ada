package assembly

import "fmt"

// Conditions of a template are decided with its parameters at their defaults, as Ref is: the
// template as it deploys when nobody chooses anything. What depends on more is an error.

// holds decides a named condition.
func (s scope) holds(name string) (bool, error) {
	if s.depth++; s.depth > maxDepth {
		return false, fmt.Errorf("conditions nested more than %d deep, or in a circle", maxDepth)
	}
	if *s.work++; *s.work > maxWork {
		return false, fmt.Errorf("more than %d values to resolve in one stack", maxWork)
	}
	formula, ok := s.Template.Conditions[name]
	if !ok {
		return false, fmt.Errorf("condition %s is not in this template", name)
	}
	return s.decide(formula)
}

func (s scope) decide(formula any) (bool, error) {
	if s.depth++; s.depth > maxDepth {
		return false, fmt.Errorf("conditions nested more than %d deep, or in a circle", maxDepth)
	}
	object, _ := formula.(map[string]any)
	if name, ok := object["Condition"].(string); ok && len(object) == 1 {
		return s.holds(name)
	}
	operator, argument, ok := intrinsic(object)
	list, isList := argument.([]any)
	if !ok || !isList || len(list) == 0 {
		return false, fmt.Errorf("condition %v is not decided here", formula)
	}
	switch operator {
	case "Fn::Equals":
		return s.equal(list)
	case "Fn::Not":
		held, err := s.decide(list[0])
		return !held, err
	case "Fn::And":
		return s.each(list, true)
	case "Fn::Or":
		return s.each(list, false)
	}
	return false, fmt.Errorf("condition %s is not decided here", operator)
}

func (s scope) equal(list []any) (bool, error) {
	if len(list) != 2 {
		return false, fmt.Errorf("Fn::Equals of %d values", len(list))
	}
	var sides [2]string
	for i, item := range list {
		v, err := s.value(item)
		if err != nil {
			return false, err
		}
		if sides[i], err = plainText(v); err != nil {
			return false, fmt.Errorf("Fn::Equals: %w", err)
		}
	}
	if isSymbol(sides[0]) || isSymbol(sides[1]) {
		return false, fmt.Errorf("Fn::Equals of %s and %s is decided when it is deployed", sides[0], sides[1])
	}
	return sides[0] == sides[1], nil
}

// each is Fn::And (all) or Fn::Or. Every part is decided, so that an undecidable one is
// never hidden behind another.
func (s scope) each(list []any, all bool) (bool, error) {
	result := all
	for _, item := range list {
		held, err := s.decide(item)
		if err != nil {
			return false, err
		}
		if held != all {
			result = !all
		}
	}
	return result, nil
}

// choose is Fn::If.
func (s scope) choose(argument any) (any, error) {
	list, ok := argument.([]any)
	if !ok || len(list) != 3 {
		return nil, fmt.Errorf("Fn::If of %v", argument)
	}
	name, ok := list[0].(string)
	if !ok {
		return nil, fmt.Errorf("Fn::If of %v", list[0])
	}
	held, err := s.holds(name)
	if err != nil {
		return nil, fmt.Errorf("Fn::If: %w", err)
	}
	if held {
		return s.value(list[1])
	}
	return s.value(list[2])
}

package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// JSON is the document as AWS reads it: canonical, compact, without Why. Its length is
// what the service's quotas count, white space excluded.
func (d Document) JSON() []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(d.Value()); err != nil {
		panic(err) // strings, slices and maps of them always encode
	}
	return bytes.TrimSpace(out.Bytes())
}

// Size is the length that IAM's quotas count: inline policies of one role 10,240 in
// total, a managed policy 6,144, a trust policy 2,048 characters.
func (d Document) Size() int { return len(d.JSON()) }

// Value is the canonical document as decoded JSON: maps, lists and strings, without Why.
func (d Document) Value() map[string]any {
	d = d.Canonical()
	statements := make([]any, len(d.Statements))
	for i, s := range d.Statements {
		statements[i] = s.Value()
	}
	return map[string]any{"Version": d.Version, "Statement": statements}
}

// Value is the statement as decoded JSON: maps, lists and strings, without Why.
func (s Statement) Value() map[string]any {
	out := map[string]any{"Effect": s.Effect.String()}
	if s.Sid != "" {
		out["Sid"] = s.Sid
	}
	if !s.Principals.IsZero() {
		out[not(s.Principals.Not, "Principal")] = s.Principals.value()
	}
	if len(s.Actions.Of) > 0 {
		out[not(s.Actions.Not, "Action")] = values(s.Actions.Of)
	}
	if len(s.Resources.Of) > 0 {
		out[not(s.Resources.Not, "Resource")] = values(s.Resources.Of)
	}
	if len(s.When) > 0 {
		out["Condition"] = conditions(s.When)
	}
	return out
}

func not(is bool, element string) string {
	if is {
		return "Not" + element
	}
	return element
}

func (p Principals) value() any {
	if slices.Equal(p.AWS, []string{"*"}) && len(p.Service)+len(p.Federated)+len(p.Other) == 0 {
		return map[string]any{"AWS": "*"}
	}
	out := map[string]any{}
	for _, kind := range []struct {
		name string
		list []string
	}{{"AWS", p.AWS}, {"Service", p.Service}, {"Federated", p.Federated}, {"CanonicalUser", p.Other}} {
		if len(kind.list) > 0 {
			out[kind.name] = values(kind.list)
		}
	}
	return out
}

// conditions groups by operator and key. JSON can say one operator of one key once, with
// its values as alternatives: two negated conditions join without a change of meaning, two
// positive ones would allow what only one of them allows. The second then gets an operator
// that AWS refuses, because a refused document is better than a wider one.
func conditions(list []Condition) map[string]any {
	out := map[string]any{}
	for _, c := range list {
		keys, ok := out[c.Op].(map[string]any)
		if !ok {
			keys = map[string]any{}
			out[c.Op] = keys
		}
		op, err := ParseOperator(c.Op)
		earlier, again := keys[c.Key].([]any)
		if again && (err != nil || !op.Negated) {
			out[c.Op+" and also"] = map[string]any{c.Key: values(c.Values)}
			continue
		}
		keys[c.Key] = append(earlier, values(c.Values)...)
	}
	return out
}

func values(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// MaxDocument is the largest policy text [ParseDocument] reads, in bytes. AWS's own
// largest policy, an S3 bucket's, is 20 KiB; the rest is room for white space.
const MaxDocument = 1 << 20

// ParseDocument reads a policy document as AWS writes it, with single values or lists.
// It returns an error that names the place for anything it does not know, because an
// element that is silently dropped could have been a permission.
func ParseDocument(text []byte) (Document, error) {
	if len(text) > MaxDocument {
		return Document{}, fmt.Errorf("policy document: %d bytes, at most %d are read", len(text), MaxDocument)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return Document{}, fmt.Errorf("policy document: not JSON: %w", err)
	}
	if key, twice := repeated(text); twice {
		return Document{}, fmt.Errorf("policy document: %q is there twice in one object: which one counts is not defined", key)
	}
	return DocumentOf(value)
}

// repeated finds a key that one object of valid JSON states twice. Decoders keep the last
// one; a reader may have seen the first.
func repeated(text []byte) (string, bool) {
	type object struct {
		seen map[string]bool // nil in a list
		key  bool            // a key comes next
	}
	var open []object
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		token, err := decoder.Token()
		if err != nil {
			return "", false
		}
		last := len(open) - 1
		if name, ok := token.(string); ok && last >= 0 && open[last].key {
			if open[last].seen[name] {
				return name, true
			}
			open[last].seen[name], open[last].key = true, false
			continue
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:last]
			last--
		}
		if last >= 0 && open[last].seen != nil && token != json.Delim('{') && token != json.Delim('[') {
			open[last].key = true
		}
		switch token {
		case json.Delim('{'):
			open = append(open, object{seen: map[string]bool{}, key: true})
		case json.Delim('['):
			open = append(open, object{})
		}
	}
}

// DocumentOf reads a policy document from decoded JSON: maps, lists and strings.
// Errors are as for [ParseDocument].
func DocumentOf(value any) (Document, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return Document{}, fmt.Errorf("policy document: want an object, have %T", value)
	}
	out := Document{Version: "2008-10-17"} // AWS's default where a document states none
	for key, v := range object {
		var err error
		switch key {
		case "Version":
			out.Version, err = text(v)
		case "Id":
			_, err = text(v)
		case "Statement":
			out.Statements, err = statements(v)
		default:
			err = fmt.Errorf("unknown element")
		}
		if err != nil {
			return Document{}, fmt.Errorf("policy document: %s: %w", key, err)
		}
	}
	return out, nil
}

func statements(value any) ([]Statement, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	out := make([]Statement, 0, len(list))
	for i, v := range list {
		s, err := statement(v)
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func statement(value any) (Statement, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return Statement{}, fmt.Errorf("want an object, have %T", value)
	}
	var s Statement
	for key, v := range object {
		if err := s.element(key, v); err != nil {
			return Statement{}, fmt.Errorf("%s: %w", key, err)
		}
	}
	if _, stated := object["Effect"]; !stated {
		return Statement{}, fmt.Errorf("Effect is missing")
	}
	for _, element := range []string{"Action", "Resource", "Principal"} {
		_, is := object[element]
		_, isNot := object["Not"+element]
		if is && isNot {
			return Statement{}, fmt.Errorf("%s and Not%s are both there", element, element)
		}
	}
	return s, s.negatesSomething()
}

// negatesSomething refuses Not elements that list nothing: they would mean everything.
func (s *Statement) negatesSomething() error {
	if s.Actions.Not && len(s.Actions.Of) == 0 || s.Resources.Not && len(s.Resources.Of) == 0 || s.Principals.Not && s.Principals.IsZero() {
		return fmt.Errorf("a Not element lists nothing")
	}
	return nil
}

func (s *Statement) element(key string, v any) (err error) {
	negated := strings.HasPrefix(key, "Not")
	switch key {
	case "Sid":
		s.Sid, err = text(v)
	case "Effect":
		s.Effect, err = effect(v)
	case "Action", "NotAction":
		s.Actions.Not = negated
		s.Actions.Of, err = texts(v)
	case "Resource", "NotResource":
		s.Resources.Not = negated
		s.Resources.Of, err = texts(v)
	case "Principal", "NotPrincipal":
		s.Principals, err = principals(v)
		s.Principals.Not = negated
	case "Condition":
		s.When, err = conditionsOf(v)
	default:
		err = fmt.Errorf("unknown element")
	}
	return err
}

func effect(v any) (Effect, error) {
	switch v {
	case "Allow":
		return Allow, nil
	case "Deny":
		return Deny, nil
	}
	return Deny, fmt.Errorf("want Allow or Deny, have %v", v)
}

func principals(v any) (Principals, error) {
	if v == "*" {
		return Principals{AWS: []string{"*"}}, nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return Principals{}, fmt.Errorf("want \"*\" or an object, have %T", v)
	}
	var p Principals
	for kind, list := range object {
		into, known := map[string]*[]string{"AWS": &p.AWS, "Service": &p.Service, "Federated": &p.Federated, "CanonicalUser": &p.Other}[kind]
		if !known {
			return Principals{}, fmt.Errorf("unknown kind of principal %q", kind)
		}
		values, err := texts(list)
		if err != nil {
			return Principals{}, fmt.Errorf("%s: %w", kind, err)
		}
		*into = values
	}
	return p, nil
}

func conditionsOf(v any) ([]Condition, error) {
	operators, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("want an object, have %T", v)
	}
	var out []Condition
	for op, keys := range operators {
		byKey, ok := keys.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: want an object, have %T", op, keys)
		}
		for key, values := range byKey {
			list, err := texts(values)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", op, key, err)
			}
			out = append(out, Condition{Op: op, Key: key, Values: list})
		}
	}
	return out, nil
}

func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return fmt.Sprint(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return "", fmt.Errorf("want text, have %T", v)
}

func texts(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		s, err := text(item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"

	"remit/platform"
	"remit/policy"
)

func (c *checker) tools() {
	for _, t := range c.p.Tools {
		at := "tools." + t.Name
		c.known("unknown-team", "team", at+".team", t.Team, c.teamNames())
		c.known("unknown-data-class", "data class", at+".data_class", t.DataClass, c.classNames())
		c.allKnown("unknown-user-role", "user role", at+".callers", t.Callers, c.roleNames())
		c.input(at, t)
		for i, path := range t.Response.Allow {
			c.responsePath(fmt.Sprintf("%s.response.allow[%d]", at, i), path)
		}
		if t.Confirmation != nil && t.Idempotency == nil {
			c.say("confirmation-without-key", at+".confirmation", "a confirmed call needs idempotency, so that one approval is one run", "add idempotency with a key and a lifetime")
		}
		c.dedup(at, t)
		c.reach(at, t)
	}
}

// dedup: the event that closes an item carries one value, and no tenant. So that value is the
// key, and it names the datum, whose owner the directory knows.
func (c *checker) dedup(at string, t platform.Tool) {
	if t.Dedup == nil || len(t.Dedup.Key) == 0 || c.refused(at+".dedup.key") {
		return
	}
	if t.Datum == nil || len(t.Dedup.Key) != 1 || t.Dedup.Key[0] != t.Datum.ID {
		c.say("bad-dedup", at+".dedup.key", "is not the one argument that names the datum, so no event could tell which item it closes", "make key the same as datum.id, or use idempotency")
	}
}

// input: the schema is one, closes its object, and names what the policy refers to.
func (c *checker) input(at string, t platform.Tool) {
	if t.Input == nil {
		return
	}
	if err := validSchema(t.Input); err != nil {
		c.say("bad-schema", at+".input", "is not a JSON Schema: "+cut(err.Error()), "the keywords are those of JSON Schema 2020-12")
		return
	}
	if t.Input["type"] != "object" || t.Input["additionalProperties"] != false {
		c.say("bad-schema", at+".input", "must be an object that closes additionalProperties", "add type: object and additionalProperties: false")
		return
	}
	properties, _ := t.Input["properties"].(map[string]any)
	c.arguments(at, t, properties)
}

func (c *checker) arguments(at string, t platform.Tool, properties map[string]any) {
	uses := map[string][]string{}
	if t.Datum != nil {
		uses[at+".datum.id"] = []string{t.Datum.ID}
	}
	if t.Idempotency != nil {
		uses[at+".idempotency.key"] = t.Idempotency.Key
	}
	if t.Dedup != nil {
		uses[at+".dedup.key"] = t.Dedup.Key
	}
	required, _ := t.Input["required"].([]any)
	for path, arguments := range uses {
		for _, argument := range arguments {
			_, declared := properties[argument]
			if argument != "" && !(declared && slices.Contains(required, any(argument))) {
				c.say("unknown-argument", path, fmt.Sprintf("%q is not a required argument of the tool", cut(argument)), "what identifies a call must be in input.properties and input.required")
			}
		}
	}
}

func validSchema(value map[string]any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			return fmt.Errorf("%s cannot be a %s", wrong.Field[strings.LastIndex(wrong.Field, ".")+1:], wrong.Value)
		}
		return err
	}
	if err := schemaFault(&schema); err != nil {
		return err
	}
	_, err = schema.Resolve(&jsonschema.ResolveOptions{Loader: func(*url.URL) (*jsonschema.Schema, error) {
		return nil, errors.New("a schema refers to nothing outside itself")
	}})
	return err
}

// schemaFault finds what the library takes and no author means: a type that does not
// exist, which nothing matches, and a misspelt keyword, which it would ignore.
func schemaFault(s *jsonschema.Schema) error {
	if s == nil {
		return errors.New("a schema in it is empty")
	}
	if len(s.Extra) > 0 {
		return fmt.Errorf("%s is not a keyword", slices.Sorted(maps.Keys(s.Extra))[0])
	}
	for _, word := range append(s.Types, s.Type) {
		if word != "" && !slices.Contains(jsonTypes, word) {
			return fmt.Errorf("type %s is not one of %s", word, strings.Join(jsonTypes, ", "))
		}
	}
	return firstFault(s)
}

var jsonTypes = []string{"object", "array", "string", "number", "integer", "boolean", "null"}

func firstFault(s *jsonschema.Schema) error {
	v := reflect.ValueOf(*s)
	for i := range v.NumField() {
		var below []*jsonschema.Schema
		switch part := v.Field(i).Interface().(type) {
		case *jsonschema.Schema:
			if part != nil {
				below = append(below, part)
			}
		case []*jsonschema.Schema:
			below = part
		case map[string]*jsonschema.Schema:
			for _, name := range slices.Sorted(maps.Keys(part)) {
				below = append(below, part[name])
			}
		}
		for _, schema := range below {
			if err := schemaFault(schema); err != nil {
				return err
			}
		}
	}
	return nil
}

// responsePath accepts the subset of RFC 9535 that the filter walks: names, one index, and
// all elements. Anything else could select by content, and content is the agent's to steer.
func (c *checker) responsePath(at, text string) {
	if text == "" {
		return
	}
	hint := "use $.name, $.list[0] and $.list[*].name"
	path, err := jsonpath.Parse(text)
	if err != nil {
		message, _, _ := strings.Cut(err.Error(), "\n")
		c.say("bad-path", at, "is not a response path: "+cut(message), hint)
		return
	}
	named := false
	for _, segment := range path.Query().Segments() {
		if segment.IsDescendant() || len(segment.Selectors()) != 1 || !plainSelector(segment.Selectors()[0]) {
			c.say("bad-path", at, "selects more than one named place", hint)
			return
		}
		_, name := segment.Selectors()[0].(spec.Name)
		named = named || name
	}
	switch {
	case !named:
		c.say("bad-path", at, "would let everything out", hint)
	case policy.CheckPath(text) != nil:
		c.say("bad-path", at, "is not in the form the response filter walks", hint)
	}
}

func plainSelector(s spec.Selector) bool {
	switch s := s.(type) {
	case spec.Name, spec.WildcardSelector:
		return true
	case spec.Index:
		return s >= 0
	}
	return false
}

func grantsTable(r *platform.Reach) bool {
	return len(r.Actions) > 0 && len(r.Attributes) > 0 && len(r.Operations) == 0
}

func grantsAPI(r *platform.Reach) bool {
	return len(r.Operations) > 0 && len(r.Actions)+len(r.Attributes) == 0
}

// reach: a table grant names actions and attributes, an API grant operations; one of them.
func (c *checker) reach(at string, t platform.Tool) {
	if t.Reach == nil {
		return
	}
	table := grantsTable(t.Reach)
	if !table && !grantsAPI(t.Reach) && !c.refused(at+".reach") {
		c.say("bad-reach", at+".reach", "must grant either table reads (actions and attributes) or API operations", "keep actions with attributes, or operations alone")
	}
	if t.Access != "read" && t.Access != "" && table {
		c.say("bad-reach", at+".access", "a tool that reaches a table only reads", "say access: read, or reach an API operation that writes")
	}
	for i, operation := range t.Reach.Operations {
		c.pathArguments(fmt.Sprintf("%s.reach.operations[%d]", at, i), t, operation)
	}
	if t.Reach.Direct != nil {
		c.expired(at+".reach.direct.until", t.Reach.Direct.Until, "direct reach")
	}
}

package load

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"

	"remit/platform"
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
		c.reach(at, t)
	}
}

// input: the schema is one, closes its object, and names what the policy refers to.
func (c *checker) input(at string, t platform.Tool) {
	if t.Input == nil {
		return
	}
	if err := validSchema(t.Input); err != nil {
		c.say("bad-schema", at+".input", "is not a JSON Schema: "+err.Error(), "")
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
				c.say("unknown-argument", path, fmt.Sprintf("%q is not a required argument of the tool", argument), "what identifies a call must be in input.properties and input.required")
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
		return err
	}
	_, err = schema.Resolve(nil)
	return err
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
		c.say("bad-path", at, "is not a response path: "+message, hint)
		return
	}
	for _, segment := range path.Query().Segments() {
		if segment.IsDescendant() || len(segment.Selectors()) != 1 || !plainSelector(segment.Selectors()[0]) {
			c.say("bad-path", at, "selects more than one named place", hint)
			return
		}
	}
	if len(path.Query().Segments()) == 0 {
		c.say("bad-path", at, "would let everything out", hint)
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

// reach: a table grant names actions and attributes, an API grant operations; one of them.
func (c *checker) reach(at string, t platform.Tool) {
	if t.Reach == nil {
		return
	}
	table := len(t.Reach.Actions) > 0 && len(t.Reach.Attributes) > 0 && len(t.Reach.Operations) == 0
	api := len(t.Reach.Operations) > 0 && len(t.Reach.Actions)+len(t.Reach.Attributes) == 0
	if !table && !api {
		c.say("bad-reach", at+".reach", "must grant either table reads (actions and attributes) or API operations", "")
	}
	if t.Access != "read" && t.Access != "" && table {
		c.say("bad-reach", at+".access", "a tool that reaches a table only reads", "")
	}
	if t.Reach.Direct != nil {
		c.expired(at+".reach.direct.until", t.Reach.Direct.Until, "direct reach")
	}
}

package load

import (
	"encoding/json"
	"reflect"
	"slices"

	"remit/platform"
	"remit/terms"
)

// Schema is the JSON Schema of a declaration file, for editors: of platform.yaml, or of an
// environment's file. It comes from the same struct tags that reading follows.
func Schema(environment bool) []byte {
	t, title := reflect.TypeFor[platform.Platform](), "Remit platform: who may do what"
	if environment {
		t, title = reflect.TypeFor[platform.Environment](), "Remit environment: where, and how much"
	}
	root := schemaOf(t, field{})
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = title
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // maps of strings and lists always encode
	}
	return append(text, '\n')
}

// textForms are the patterns of the types that parse themselves (package terms).
var textForms = map[reflect.Type]string{
	reflect.TypeFor[terms.AccountID](): `^[0-9]{12}$`,
	reflect.TypeFor[terms.Digest]():    `^sha256:[0-9a-f]{64}$`,
	reflect.TypeFor[terms.MicroUSD]():  `^[0-9]{1,12}(\.[0-9]{1,6})? USD$`,
	reflect.TypeFor[terms.Span]():      `^[1-9][0-9]*[smhdy]$`,
	reflect.TypeFor[terms.Percent]():   `^[0-9]+%$`,
	reflect.TypeFor[terms.Date]():      `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`,
	reflect.TypeFor[terms.Hours]():     `^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$`,
	reflect.TypeFor[terms.Zone]():      `^[A-Za-z0-9_+/-]+$`,
}

type schema = map[string]any

func schemaOf(t reflect.Type, f field) schema {
	out := shape(t, f)
	if f.doc != "" {
		out["description"] = f.doc
	}
	return out
}

func shape(t reflect.Type, f field) schema {
	if len(f.oneOf) > 0 && t.Kind() == reflect.String {
		return schema{"enum": f.oneOf}
	}
	if pattern, ok := textForms[t]; ok {
		return schema{"type": "string", "pattern": pattern}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return shape(t.Elem(), f)
	case reflect.Struct:
		return object(t)
	case reflect.Slice:
		return list(t, f)
	case reflect.Map:
		if t.Elem().Kind() == reflect.String {
			return schema{"type": "object", "additionalProperties": schema{"type": "string"}}
		}
		return schema{"type": "object"}
	case reflect.Interface:
		return schema{}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int64:
		return schema{"type": "integer", "minimum": 1}
	}
	out := schema{"type": "string", "minLength": 1}
	if form, ok := forms[f.typed]; ok {
		out["pattern"] = form.pattern.String()
	}
	return out
}

func object(t reflect.Type) schema {
	properties, required := schema{}, []string{}
	out := schema{"type": "object", "properties": properties, "additionalProperties": false}
	for _, f := range fields(t) {
		switch f.key {
		case "=", "-":
			continue
		case "*":
			rest := schemaOf(t.Field(f.index).Type, f)
			out["additionalProperties"], out["propertyNames"] = rest["additionalProperties"], rest["propertyNames"]
			continue
		}
		properties[f.key] = schemaOf(t.Field(f.index).Type, f)
		if slices.Contains(reservedKeys, f.key) {
			properties[f.key] = schema{"not": schema{}, "description": f.doc}
		}
		if f.need {
			required = append(required, f.key)
		}
	}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// list is a list, or for structs that know their key a mapping.
func list(t reflect.Type, f field) schema {
	item := t.Elem()
	if !keyed(item) {
		plain := f
		plain.doc = ""
		out := schema{"type": "array", "items": schemaOf(item, plain)}
		if f.need {
			out["minItems"] = 1
		}
		if f.lone {
			return schema{"oneOf": []any{schemaOf(item, plain), out}}
		}
		return out
	}
	var entry schema
	if whole, ok := special(item, "-"); ok {
		entry = schemaOf(item.Field(whole.index).Type, whole)
	} else {
		entry = object(item)
	}
	out := schema{"type": "object", "additionalProperties": entry}
	if own, _ := special(item, "="); own.typed != "" {
		out["propertyNames"] = schema{"pattern": forms[own.typed].pattern.String()}
	}
	return out
}

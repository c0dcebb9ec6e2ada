package load

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"remit/platform"
	"remit/terms"
)

// decoder fills a struct from YAML by the struct's own tags (see package platform). It
// goes on after a problem, so that all of them are reported at once.
type decoder struct {
	*loader
	file, prefix string
	places       platform.Places
	environment  bool
}

func (d *decoder) at(n *yaml.Node) terms.Pos {
	return terms.Pos{File: d.file, Line: n.Line, Col: n.Column}
}

func (d *decoder) problem(code string, n *yaml.Node, path, message, hint string) {
	d.report(Problem{Code: code, At: d.at(n), Path: path, Message: message, Hint: hint})
}

// plain refuses what would give a value two homes or hide it: repeated keys, anchors,
// aliases, merge keys, tags, and keys that are not text.
func (d *decoder) plain(n *yaml.Node, path string) {
	switch {
	case n.Kind == yaml.AliasNode, n.Anchor != "":
		d.problem("alias", n, path, "anchors and aliases are not used here", "write the value out; each has one home and one line")
		return
	case n.Style&yaml.TaggedStyle != 0:
		d.problem("alias", n, path, "YAML tags are not used here", "remove "+cut(n.Tag))
	case n.Kind == yaml.MappingNode:
		seen := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if !plainKey(key) {
				d.problem("alias", key, path, "a key is one plain word here, without anchor, alias, merge or tag", "write the key out")
				continue
			}
			if earlier := seen[key.Value]; earlier != nil {
				d.report(Problem{Code: "duplicate-key", At: d.at(key), Path: join(path, key.Value), Message: "is declared twice", Hint: "keep one of them", Also: d.at(earlier)})
			}
			seen[key.Value] = key
			d.plain(n.Content[i+1], join(path, key.Value))
		}
	case n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			d.plain(item, fmt.Sprintf("%s[%d]", path, i))
		}
	}
}

func plainKey(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Anchor == "" && key.Tag != "!!merge" && key.Style&yaml.TaggedStyle == 0
}

// join cuts the key, because a path is kept for everything below it.
func join(path, key string) string {
	if path == "" {
		return cut(key)
	}
	return path + "." + cut(key)
}

func (d *decoder) decode(root *yaml.Node, into any) {
	d.value(root, reflect.ValueOf(into).Elem(), "", field{})
}

// field is one key of a struct, read from its tags.
type field struct {
	index           int
	key, doc, typed string
	need, lone      bool
	oneOf           []string
}

func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		key, ok := tag.Lookup("key")
		if !ok {
			continue
		}
		f := field{index: i, key: key, doc: tag.Get("doc"), typed: tag.Get("type"), need: tag.Get("need") == "yes", lone: tag.Get("lone") == "yes"}
		if words := tag.Get("oneof"); words != "" {
			f.oneOf = strings.Split(words, "|")
		}
		out = append(out, f)
	}
	return out
}

// own is the field that takes a mapping's key, value the one that takes its whole value,
// rest the one that takes all keys no other field names.
func special(t reflect.Type, key string) (field, bool) {
	for _, f := range fields(t) {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, f field) {
	if n.Kind == yaml.AliasNode || n.Style&yaml.TaggedStyle != 0 {
		return // plain has reported it
	}
	if n.Tag == "!!null" {
		d.problem("wrong-kind", n, path, "is empty", "give it a value, or remove the key; an empty mapping is {}")
		return
	}
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		d.value(n, v.Elem(), path, f)
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		d.text(n, v, path)
	case t.Kind() == reflect.Struct:
		d.mapping(n, v, path)
	case t.Kind() == reflect.Slice && keyed(t.Elem()):
		d.entries(n, v, path, f)
	case t.Kind() == reflect.Slice:
		d.list(n, v, path, f)
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.String:
		d.words(n, v, path)
	case t.Kind() == reflect.Map:
		if d.kind(n, yaml.MappingNode, path) {
			v.Set(reflect.ValueOf(d.raw(n)))
		}
	case t.Kind() == reflect.Interface:
		v.Set(reflect.ValueOf(d.raw(n)))
	default:
		d.scalar(n, v, path, f)
	}
}

// keyed reports whether a struct takes its mapping's key, so that a list of it is written
// as a mapping.
func keyed(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	_, ok := special(t, "=")
	return ok
}

var kindNames = map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}

var kindHints = map[yaml.Kind]string{
	yaml.MappingNode:  "write key: value lines, or {key: value}",
	yaml.SequenceNode: "write [first, second], or one line - item for each",
	yaml.ScalarNode:   "write one value after the colon",
}

func (d *decoder) kind(n *yaml.Node, want yaml.Kind, path string) bool {
	if n.Kind == want {
		return true
	}
	d.problem("wrong-kind", n, path, fmt.Sprintf("must be %s, not %s", kindNames[want], kindNames[n.Kind]), kindHints[want])
	return false
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	if !d.kind(n, yaml.MappingNode, path) {
		return
	}
	rest, hasRest := special(v.Type(), "*")
	byKey := map[string]field{}
	for _, f := range fields(v.Type()) {
		byKey[f.key] = f
	}
	others := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, known := byKey[key.Value]
		switch {
		case !plainKey(key): // plain has reported it
		case known && len(key.Value) > 1:
			seen[f.key] = true
			d.places[d.prefix+join(path, f.key)] = d.at(key)
			d.value(value, v.Field(f.index), join(path, f.key), f)
		case hasRest:
			others.Content = append(others.Content, key, value)
		default:
			d.unknownKey(key, path, byKey)
		}
	}
	if hasRest {
		d.value(others, v.Field(rest.index), path, rest)
	}
	for _, f := range fields(v.Type()) {
		if f.need && !seen[f.key] && len(f.key) > 1 {
			d.problem("missing-key", n, path, fmt.Sprintf("%s is missing: %s", f.key, f.doc), "add "+f.key+": to this mapping")
		}
	}
}

// unknownKey also explains a platform key in an environment file: no word there widens.
func (d *decoder) unknownKey(key *yaml.Node, path string, known map[string]field) {
	if _, wide := special(reflect.TypeFor[platform.Platform](), key.Value); wide && d.environment && path == "" || d.environment && widening[key.Value] {
		d.problem("widens", key, join(path, key.Value), "an environment file says where and how much, never who may do what",
			"declare it in "+platformFile+"; to narrow here, use constraints or without")
		return
	}
	var keys []string
	for k := range known {
		if len(k) > 1 {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	hint := "known keys: " + strings.Join(keys, ", ")
	if meant := nearest(key.Value, keys); meant != "" {
		hint = "did you mean " + meant + "?"
	}
	d.problem("unknown-key", key, join(path, key.Value), "is not a key that is known here", hint)
}

// widening are the words that permit something, wherever they are written.
var widening = map[string]bool{"callers": true, "tools": true, "agents": true, "user_roles": true, "includes": true, "reach": true, "allow": true, "direct": true}

// entries reads a mapping as a list of structs that know their key.
func (d *decoder) entries(n *yaml.Node, v reflect.Value, path string, f field) {
	if !d.kind(n, yaml.MappingNode, path) {
		return
	}
	if f.need && len(n.Content) == 0 {
		d.problem("empty-list", n, path, "must name at least one: "+f.doc, "")
	}
	item := v.Type().Elem()
	own, _ := special(item, "=")
	whole, scalar := special(item, "-")
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		entry := reflect.New(item).Elem()
		where := join(path, key.Value)
		d.places[d.prefix+where] = d.at(key)
		d.scalar(key, entry.Field(own.index), where, own)
		entry.Field(own.index).SetString(key.Value) // also when refused: others still refer to it
		if scalar {
			d.value(value, entry.Field(whole.index), where, whole)
		} else {
			d.value(value, entry, where, field{})
		}
		v.Set(reflect.Append(v, entry))
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string, f field) {
	if f.lone && n.Kind == yaml.ScalarNode {
		n = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{n}, Line: n.Line, Column: n.Column}
	}
	if !d.kind(n, yaml.SequenceNode, path) {
		return
	}
	if f.need && len(n.Content) == 0 {
		d.problem("empty-list", n, path, "must name at least one: "+f.doc, "an empty list is not a way to say all or none")
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		where := fmt.Sprintf("%s[%d]", path, i)
		d.places[d.prefix+where] = d.at(item)
		d.value(item, v.Index(i), where, f)
	}
}

func (d *decoder) words(n *yaml.Node, v reflect.Value, path string) {
	if !d.kind(n, yaml.MappingNode, path) {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		where := join(path, key.Value)
		d.places[d.prefix+where] = d.at(value)
		word := reflect.New(v.Type().Elem()).Elem()
		d.scalar(value, word, where, field{})
		v.SetMapIndex(reflect.ValueOf(key.Value), word)
	}
}

func (d *decoder) text(n *yaml.Node, v reflect.Value, path string) {
	if !d.kind(n, yaml.ScalarNode, path) {
		return
	}
	text := n.Value
	if n.Tag == "!!int" || n.Tag == "!!float" || n.Tag == "!!bool" {
		text = "" // other readers would make a number of it, and 012345678901 another account
	}
	err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	if err != nil {
		d.problem("bad-value", n, path, err.Error(), "")
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string, f field) {
	if !d.kind(n, yaml.ScalarNode, path) {
		return
	}
	switch v.Kind() {
	case reflect.String:
		d.word(n, v, path, f)
	case reflect.Bool:
		if n.Value != "true" && n.Value != "false" || n.Tag != "!!bool" {
			d.problem("bad-value", n, path, "must be true or false", "")
			return
		}
		v.SetBool(n.Value == "true")
	case reflect.Int64:
		number, err := strconv.ParseInt(n.Value, 10, 64)
		// 010 is 8 to some readers of YAML, and "10" is text to all of them.
		if err != nil || number < 1 || number > 1_000_000_000_000 || n.Tag != "!!int" || n.Value != strconv.FormatInt(number, 10) {
			d.problem("bad-value", n, path, "must be a whole number from 1 to 1000000000000", "")
			return
		}
		v.SetInt(number)
	default:
		panic("load: no way to read a " + v.Type().String()) // a mistake in package platform, not in a declaration
	}
}

func (d *decoder) word(n *yaml.Node, v reflect.Value, path string, f field) {
	if n.Tag != "!!str" {
		d.problem("wrong-kind", n, path, "must be text", "put it in quotes")
		return
	}
	if strings.TrimSpace(n.Value) == "" || len(n.Value) > 2000 {
		d.problem("bad-value", n, path, "must be 1 to 2000 characters of text", "")
		return
	}
	if len(f.oneOf) > 0 && !slices.Contains(f.oneOf, n.Value) {
		d.problem("bad-value", n, path, "must be one of "+strings.Join(f.oneOf, ", "), "")
		return
	}
	if form, ok := forms[f.typed]; ok && !form.pattern.MatchString(n.Value) {
		d.problem("bad-value", n, path, form.say, "")
		return
	}
	v.SetString(n.Value)
}

// raw is a value as JSON knows it, for schemas and mock replies.
func (d *decoder) raw(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = d.raw(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			out = append(out, d.raw(item))
		}
		return out
	case yaml.AliasNode:
		return nil
	}
	return rawScalar(n)
}

func rawScalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if number, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return number
		}
	}
	return n.Value
}

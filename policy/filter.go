package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// MaxReply is the largest tool reply that is filtered, in bytes: Lambda's own payload
// limit, which the gateway shares. A larger one is withheld whole.
const MaxReply = 6 << 20

// ErrReply is wrapped by every failure to filter. Nothing of the reply may be passed on.
var ErrReply = errors.New("policy: the reply cannot be filtered, so all of it stays behind")

// selector is a tree of response paths: what may leave at this place.
type selector struct {
	keep   bool
	fields map[string]*selector
	items  map[int]*selector
	each   *selector
}

// CheckPath says what is wrong with a response path, nil when the filter walks it. Whoever
// accepts declarations asks it, because a bundle with another path does not load.
func CheckPath(path string) error {
	_, err := compilePaths([]string{path})
	return err
}

// compilePaths builds the tree of paths of the form $.name, [n] and [*] (a subset of RFC
// 9535). A path ends at a single value: what is an object or a list there stays behind,
// because its parts were never named.
func compilePaths(paths []string) (*selector, error) {
	root := &selector{}
	for _, path := range paths {
		rest, ok := strings.CutPrefix(path, "$")
		if !ok || rest == "" {
			return nil, fmt.Errorf("path %q: want $.name", path)
		}
		at := root
		for rest != "" {
			var err error
			if at, rest, err = at.step(rest); err != nil {
				return nil, fmt.Errorf("path %q: %w", path, err)
			}
		}
		at.keep = true
	}
	return root, nil
}

// step reads one segment and descends.
func (s *selector) step(rest string) (*selector, string, error) {
	switch {
	case strings.HasPrefix(rest, "[*]"):
		if s.each == nil {
			s.each = &selector{}
		}
		return s.each, rest[3:], nil
	case strings.HasPrefix(rest, "["):
		number, after, ok := strings.Cut(rest[1:], "]")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 0 || number != strconv.Itoa(n) {
			return nil, "", fmt.Errorf("want [n] or [*] at %q", rest)
		}
		if s.items == nil {
			s.items = map[int]*selector{}
		}
		return child(s.items, n), after, nil
	case strings.HasPrefix(rest, "."):
		end := strings.IndexAny(rest[1:], ".[")
		name, after := rest[1:], ""
		if end >= 0 {
			name, after = rest[1:end+1], rest[end+1:]
		}
		if name == "" || name == "*" {
			return nil, "", fmt.Errorf("want a name at %q", rest)
		}
		if s.fields == nil {
			s.fields = map[string]*selector{}
		}
		return child(s.fields, name), after, nil
	}
	return nil, "", fmt.Errorf("want .name or [n] at %q", rest)
}

func child[K comparable](m map[K]*selector, key K) *selector {
	if m[key] == nil {
		m[key] = &selector{}
	}
	return m[key]
}

// project keeps what is selected and counts the values it drops. ok is false where nothing
// of the value is left.
func (s *selector) project(value any, withheld *int) (kept any, ok bool) {
	switch v := value.(type) {
	case map[string]any:
		return s.object(v, withheld)
	case []any:
		return s.list(v, withheld)
	}
	if s != nil && s.keep {
		return value, true
	}
	*withheld++
	return nil, false
}

func (s *selector) object(v map[string]any, withheld *int) (any, bool) {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		var next *selector
		if s != nil {
			next = s.fields[name]
		}
		if kept, ok := next.project(v[name], withheld); ok {
			out[name] = kept
		}
	}
	return out, len(out) > 0 || s != nil && len(s.fields) > 0
}

func (s *selector) list(v []any, withheld *int) (any, bool) {
	out := []any{}
	for i, item := range v {
		kept, ok := s.at(i).project(item, withheld)
		if !ok {
			continue
		}
		for len(s.items) > 0 && len(out) < i {
			out = append(out, map[string]any{}) // what is named by its place keeps its place
		}
		out = append(out, kept)
	}
	return out, len(out) > 0 || s != nil && (s.each != nil || len(s.items) > 0)
}

// at is what may leave of element i: what its own path says and what [*] says.
func (s *selector) at(i int) *selector {
	switch {
	case s == nil:
		return nil
	case s.items[i] == nil:
		return s.each
	case s.each == nil:
		return s.items[i]
	}
	return merge(s.items[i], s.each)
}

func merge(a, b *selector) *selector {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	out := &selector{keep: a.keep || b.keep, each: merge(a.each, b.each), fields: map[string]*selector{}, items: map[int]*selector{}}
	for _, from := range []*selector{a, b} {
		for name, s := range from.fields {
			out.fields[name] = merge(out.fields[name], s)
		}
		for i, s := range from.items {
			out.items[i] = merge(out.items[i], s)
		}
	}
	return out
}

// Filter keeps what the tool's declaration allows to leave of an MCP tool result, and
// counts the values it withheld. What leaves is rebuilt from what was selected: in
// structuredContent, in text that holds JSON, in errors alike. Text that is not JSON stays
// behind unless the tool allows it; text that begins like an object or a list is broken
// JSON, not text, and stays behind, as images, audio and resources always do. On any error
// nothing may be passed on. A bundle that was not loaded keeps nothing.
func (b *Bundle) Filter(tool string, reply []byte) (kept []byte, withheld int, err error) {
	t := b.Tools[tool]
	if t == nil || t.keep == nil {
		return nil, 0, fmt.Errorf("%w: the lane has no such tool", ErrReply)
	}
	if len(reply) > MaxReply {
		return nil, 0, fmt.Errorf("%w: %d bytes, at most %d are read", ErrReply, len(reply), MaxReply)
	}
	value, err := decode(reply)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrReply, err)
	}
	result, ok := value.(map[string]any)
	if !ok {
		return nil, 0, fmt.Errorf("%w: a tool result is an object", ErrReply)
	}
	out, err := encode(t.result(result, &withheld))
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrReply, err)
	}
	return out, withheld, nil
}

// nothing selects no part of a value, which is thereby counted.
var nothing *selector

// silence is an answer from which nothing may leave. It has a block, so that an agent does
// not take it for a broken connection.
func silence() []any {
	return []any{map[string]any{"type": "text", "text": "{}"}}
}

// result rebuilds a tool result from its known parts; every other part stays behind.
func (t *Tool) result(result map[string]any, withheld *int) map[string]any {
	out := map[string]any{"content": silence()}
	for key, value := range result {
		failed, isFlag := value.(bool)
		switch {
		case key == "content":
			out[key] = t.content(value, withheld)
		case key == "structuredContent":
			if kept, ok := t.keep.project(value, withheld); ok {
				out[key] = kept
			}
		case key == "isError" && isFlag:
			if failed {
				out[key] = true
			}
		default:
			nothing.project(value, withheld)
		}
	}
	return out
}

// content keeps what may leave of each text block.
func (t *Tool) content(value any, withheld *int) []any {
	blocks, ok := value.([]any)
	if !ok {
		nothing.project(value, withheld)
	}
	out := []any{}
	for _, block := range blocks {
		object, _ := block.(map[string]any)
		text, isText := object["text"].(string)
		if object["type"] != "text" || !isText {
			nothing.project(block, withheld)
			continue
		}
		for key, value := range object {
			if key != "type" && key != "text" {
				nothing.project(value, withheld)
			}
		}
		if kept, ok := t.text(text, withheld); ok {
			out = append(out, map[string]any{"type": "text", "text": kept})
		}
	}
	if len(out) == 0 {
		return silence()
	}
	return out
}

func (t *Tool) text(text string, withheld *int) (string, bool) {
	value, err := decode([]byte(text))
	_, isObject := value.(map[string]any)
	_, isList := value.([]any)
	if err != nil || !isObject && !isList {
		if t.Text && err != nil && !opensLikeJSON(text) {
			return text, true
		}
		*withheld++
		return "", false
	}
	kept, ok := t.keep.project(value, withheld)
	if !ok {
		return "", false
	}
	out, err := encode(kept)
	if err != nil {
		*withheld++
		return "", false
	}
	return string(out), true
}

// opensLikeJSON: lines of JSON, JSON cut short or with a word after it must not leave as
// prose when the same JSON alone would be filtered.
func opensLikeJSON(text string) bool {
	text = strings.TrimLeft(text, "\ufeff \t\r\n")
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")
}

// decode reads exactly one JSON value and keeps numbers as they were written.
func decode(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF { // More would overlook a closing bracket
		return nil, errors.New("bytes after the value")
	}
	return value, nil
}

func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

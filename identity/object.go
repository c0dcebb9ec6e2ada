package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// object is a JSON object read strictly: valid UTF-8, no name twice, one spelling of
// every string, bounded depth, nothing after it. Numbers stay text.
type object map[string]any

const maxDepth = 8 // Keycloak nests four deep; nobody needs more

var errNotStrict = errors.New("not strict JSON")

// parseObject reads exactly one object. Bounding the size is the caller's task.
//
// It asks the decoder for the whole value at once, because token by token a delegation token
// costs a quarter of what its signature does. Of two members with one name the decoder keeps
// one, which is found by counting.
func parseObject(data []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var value any // decoded into a map, every member would go through reflection
	if d.Decode(&value) != nil {
		return nil, errNotStrict
	}
	rest := bytes.TrimLeft(data[d.InputOffset():], " \t\r\n")
	o, isObject := asObject(value)
	if kept, ok := members(value, maxDepth); len(rest) > 0 || !isObject || !ok || kept != named(data) {
		return nil, errNotStrict
	}
	return o, nil
}

// members counts the members of all objects in a decoded value. It is not ok if the value
// nests too deep, or holds U+FFFD: bytes that are not UTF-8 and halves of surrogate pairs
// decode to that, so two spellings would become one.
func members(value any, depth int) (n int, ok bool) {
	switch v := value.(type) {
	case string:
		return 0, !strings.ContainsRune(v, utf8.RuneError)
	case []any:
		for _, item := range v {
			more, ok := members(item, depth-1)
			if !ok {
				return 0, false
			}
			n += more
		}
		return n, depth > 0
	case map[string]any:
		for name, item := range v {
			more, ok := members(item, depth-1)
			if !ok || strings.ContainsRune(name, utf8.RuneError) {
				return 0, false
			}
			n += 1 + more
		}
		return n, depth > 0
	}
	return 0, true
}

// named counts the names in a text that is JSON: each has its colon, outside of strings.
func named(data []byte) (n int) {
	quoted := false
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++ // escapes stand in strings alone
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				n++
			}
		}
	}
	return n
}

func asObject(value any) (object, bool) {
	o, ok := value.(map[string]any)
	return o, ok
}

// text is a string that can travel in a header and in a log as one line and be compared
// there: printable, not empty, no space at its ends, at most 256 bytes.
func (o object) text(name string) (string, bool) {
	s, ok := o[name].(string)
	if !ok || !isText(s) {
		return "", false
	}
	return s, true
}

func isText(s string) bool {
	return s != "" && len(s) <= 256 && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) // bytes that are not UTF-8 range as RuneError
}

// texts is an array of strings, each as text has it.
func (o object) texts(name string) ([]string, bool) {
	list, ok := o[name].([]any)
	texts := make([]string, 0, len(list))
	for _, value := range list {
		s, isString := value.(string)
		if !isString || !isText(s) {
			return nil, false
		}
		texts = append(texts, s)
	}
	return texts, ok
}

// seconds is a whole number of seconds since 1970, before the year 5138: no fraction, no
// exponent, no sign, so that every reader of the token reads the same instant.
func (o object) seconds(name string) (int64, bool) {
	n, ok := o[name].(json.Number)
	if !ok || len(n) > 11 || strings.ContainsFunc(string(n), func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, false
	}
	s, err := strconv.ParseInt(string(n), 10, 64)
	return s, err == nil
}

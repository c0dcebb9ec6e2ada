package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
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
func parseObject(data []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := parseValue(d, maxDepth)
	if err != nil {
		return nil, err
	}
	o, ok := value.(object)
	if _, err := d.Token(); !ok || !errors.Is(err, io.EOF) {
		return nil, errNotStrict
	}
	return o, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, errNotStrict
	}
	switch t := token.(type) {
	case json.Delim:
		if depth == 0 {
			return nil, errNotStrict
		}
		if t == '{' {
			return parseMembers(d, depth-1)
		}
		return parseElements(d, depth-1)
	case string:
		// Bytes that are not UTF-8 and halves of surrogate pairs decode to U+FFFD: two
		// spellings would become one name.
		if strings.ContainsRune(t, utf8.RuneError) {
			return nil, errNotStrict
		}
	}
	return token, nil
}

func parseMembers(d *json.Decoder, depth int) (object, error) {
	o := object{}
	for d.More() {
		token, err := parseValue(d, 0)
		name, ok := token.(string)
		if _, twice := o[name]; err != nil || !ok || twice {
			return nil, errNotStrict
		}
		if o[name], err = parseValue(d, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return o, err
}

func parseElements(d *json.Decoder, depth int) ([]any, error) {
	list := []any{}
	for d.More() {
		value, err := parseValue(d, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := d.Token()
	return list, err
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
	return s != "" && len(s) <= 256 && utf8.ValidString(s) && !strings.ContainsRune(s, utf8.RuneError) &&
		strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
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

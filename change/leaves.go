package change

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"remit/platform"
	"remit/terms"
)

// leaf is one thing that a declaration says: a value, a member of a list, or that something
// with parts of its own is there at all.
type leaf struct {
	path   string // its keys, each but the last followed by [sep]; a member of a list ends in []
	row    string // the same with names as *, as rows are called
	text   string
	number int64
	order  bool // number says which of two is more
}

// sep is between the keys of a path. Names may hold dots, and it sorts before every letter, so
// that a whole is followed by its parts.
const sep = "\x00"

// whole is the text of what has parts: that it is there.
const whole = "declared"

// place is a path as the declaration and people write it.
func (l leaf) place() string { return strings.ReplaceAll(l.path, sep, ".") }

// leaves are what is said, in order of path and text.
type leaves []leaf

// leavesOf is what a declaration says that holds in one environment.
func leavesOf(p *platform.Platform, environment string) leaves {
	var out leaves
	if p == nil {
		return nil
	}
	out.fields("", "", reflect.ValueOf(*p))
	if e, declared := p.Environment(environment); declared {
		path := "environments" + sep + environment
		out = append(out, leaf{path: path, row: "environments.*", text: whole})
		out.fields(path+sep, "environments.*.", reflect.ValueOf(e))
	}
	slices.SortFunc(out, func(a, b leaf) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.text, b.text)) })
	return out
}

// fields adds what the fields of a struct say that are keys of the language.
func (l *leaves) fields(path, row string, v reflect.Value) {
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("key")
		switch {
		case key == "" || v.Type().Field(i).Name == name(v.Type()):
		case key == "-": // the value of the mapping's own key
			l.value(strings.TrimSuffix(path, sep), strings.TrimSuffix(row, "."), v.Field(i))
		case key == "*":
			l.named(path, row, v.Field(i))
		default:
			l.value(path+key, row+key, v.Field(i))
		}
	}
}

// value adds what one key says. A zero value says nothing: the language has no key whose zero
// differs from its absence.
func (l *leaves) value(path, row string, v reflect.Value) {
	if v.IsZero() {
		return
	}
	if text, number, ok := scalar(v); ok {
		*l = append(*l, leaf{path, row, text, number, number != 0})
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		*l = append(*l, leaf{path: path, row: row, text: whole})
		l.fields(path+sep, row+".", v.Elem())
	case reflect.Struct:
		l.fields(path+sep, row+".", v)
	case reflect.Slice:
		l.list(path, row, v)
	case reflect.Map:
		l.mapping(path, row, v)
	default:
		*l = append(*l, leaf{path: path, row: row, text: asJSON(v.Interface())})
	}
}

// list adds the members of a list, whose order means nothing unless the key is one of
// [sequences].
func (l *leaves) list(path, row string, v reflect.Value) {
	if name(v.Type().Elem()) != "" {
		l.named(path+sep, row+".", v)
		return
	}
	if slices.Contains(sequences, row) {
		*l = append(*l, leaf{path: path, row: row, text: asJSON(v.Interface())})
		return
	}
	for i := range v.Len() {
		text, _, plain := scalar(v.Index(i))
		if !plain {
			text = asJSON(v.Index(i).Interface())
		}
		*l = append(*l, leaf{path: path + "[]", row: row + "[]", text: text})
	}
}

// named adds the entries of a mapping from names to structs.
func (l *leaves) named(path, row string, v reflect.Value) {
	for i := range v.Len() {
		entry := v.Index(i)
		at := path + entry.FieldByName(name(entry.Type())).String()
		if !lone(entry.Type()) {
			*l = append(*l, leaf{path: at, row: row + "*", text: whole})
		}
		l.fields(at+sep, row+"*.", entry)
	}
}

// mapping adds the entries of a map from text to text; every other map is one value.
func (l *leaves) mapping(path, row string, v reflect.Value) {
	if v.Type().Elem().Kind() != reflect.String {
		*l = append(*l, leaf{path: path, row: row, text: asJSON(v.Interface())})
		return
	}
	for _, key := range v.MapKeys() {
		*l = append(*l, leaf{path: path + sep + key.String(), row: row + ".*", text: v.MapIndex(key).String()})
	}
}

// name is the field that names a struct among its like, "" where none does.
func name(t reflect.Type) string {
	if t.Kind() != reflect.Struct {
		return ""
	}
	for f := range t.Fields() {
		if key := f.Tag.Get("key"); key == "=" || key == "id" && f.Tag.Get("type") == "name" {
			return f.Name
		}
	}
	return ""
}

// lone reports whether a named struct is one value and nothing else: then its value says that
// it is there.
func lone(t reflect.Type) bool {
	return t.NumField() == 2 && t.Field(1).Tag.Get("key") == "-" && t.Field(1).Type.Kind() != reflect.Slice
}

// scalar is a value that is one word or one number. Of a number, or a date, it says the order.
func scalar(v reflect.Value) (text string, number int64, ok bool) {
	switch v.Kind() {
	case reflect.String:
		if date, is := reflect.TypeAssert[terms.Date](v); is {
			return v.String(), days(date), true
		}
		return v.String(), 0, true
	case reflect.Int, reflect.Int64:
		return fmt.Sprint(v.Interface()), v.Int(), true
	case reflect.Bool:
		return fmt.Sprint(v.Bool()), 0, true
	}
	if hours, is := reflect.TypeAssert[terms.Hours](v); is {
		return hours.String(), 0, true
	}
	return "", 0, false
}

// days orders dates: their digits do.
func days(d terms.Date) int64 {
	var n int64
	for _, r := range d {
		if r >= '0' && r <= '9' {
			n = n*10 + int64(r-'0')
		}
	}
	return n
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%#v", v) // what a declaration holds was read from text
	}
	return string(text)
}

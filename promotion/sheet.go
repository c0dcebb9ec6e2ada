package promotion

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"remit/platform"
	"remit/terms"
)

// sheet is one text, where things stand in it, and what shall be cut and put. After the first
// refusal its methods find nothing, and spliced says why.
type sheet struct {
	file, text string
	starts     []int // byte offset of each line
	root       *yaml.Node
	splices    []splice
	refusal    *Refusal
}

// splice replaces the text from one byte offset to another.
type splice struct {
	from, to int
	text     string
}

const byHand = "edit the file by hand, or write it like the others"

func read(file string, text []byte) *sheet {
	s := &sheet{file: file, text: string(text), starts: []int{0}}
	for i, r := range s.text {
		if r == '\n' {
			s.starts = append(s.starts, i+1)
		}
		// YAML counts these as ends of lines too, and editors do not: places would be off.
		if r == '\u0085' || r == '\u2028' || r == '\u2029' || r == '\r' && !strings.HasPrefix(s.text[i+1:], "\n") {
			s.refuseAt(len(s.starts), "a line ends in an unusual character", "end lines in a line feed, or in a carriage return and one")
		}
	}
	if !utf8.ValidString(s.text) {
		s.refuseAt(0, "is not UTF-8 text", "save the file as UTF-8")
	}
	if s.refusal == nil {
		s.parse()
	}
	return s
}

func (s *sheet) parse() {
	decoder := yaml.NewDecoder(strings.NewReader(s.text))
	var document, second yaml.Node
	if err := decode(decoder, &document); err != nil {
		s.refuseAt(0, "is no YAML that can be read", "remit check says where")
		return
	}
	if err := decode(decoder, &second); !errors.Is(err, io.EOF) {
		s.refuseAt(0, "is more than one YAML document", "one file is one document")
		return
	}
	s.root = document.Content[0]
}

// decode is strict about nothing; the YAML library reports a few faults by panicking.
func decode(decoder *yaml.Decoder, into *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	return decoder.Decode(into)
}

func (s *sheet) refuse(n *yaml.Node, what, do string) {
	if s.refusal == nil {
		s.refusal = &Refusal{At: terms.Pos{File: s.file, Line: n.Line, Col: n.Column}, What: what, Do: do}
	}
}

// refuseAt refuses a line, 0 for the whole file.
func (s *sheet) refuseAt(line int, what, do string) {
	s.refuse(&yaml.Node{Line: line, Column: min(line, 1)}, what, do)
}

// refused is the first refusal as an error.
func (s *sheet) refused() error {
	if s.refusal == nil {
		return nil
	}
	return s.refusal
}

func (s *sheet) replace(from, to int, text string) {
	s.splices = append(s.splices, splice{from, to, text})
}

// spliced is the text with everything cut and put.
func (s *sheet) spliced() ([]byte, error) {
	if s.refusal != nil {
		return nil, s.refusal
	}
	slices.SortStableFunc(s.splices, func(a, b splice) int { return a.from - b.from })
	var out []byte
	done := 0
	for _, c := range s.splices {
		out = append(append(out, s.text[done:c.from]...), c.text...)
		done = c.to
	}
	return append(out, s.text[done:]...), nil
}

// pairs is a mapping's keys and values, none of nil. Anchors, aliases, tags, merges and keys
// that stand twice would give a value two homes, so an edit of one might not be an edit.
func (s *sheet) pairs(m *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		if m == nil || !s.isMapping(m) {
			return
		}
		seen := map[string]bool{}
		for i := 0; i+1 < len(m.Content) && s.refusal == nil; i += 2 {
			key := m.Content[i]
			if !plain(key) || key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || seen[key.Value] {
				s.refuse(key, "a key is one plain word, once, without anchor, alias, merge or tag", "write the key out")
				return
			}
			seen[key.Value] = true
			if !yield(key, m.Content[i+1]) {
				return
			}
		}
	}
}

func (s *sheet) isMapping(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode || !plain(n) {
		s.refuse(n, "is not a mapping without anchor, alias and tag", "write key: value lines, or {key: value}")
	}
	return s.refusal == nil
}

func plain(n *yaml.Node) bool {
	return n.Kind != yaml.AliasNode && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0
}

// key finds a key and its value; both are nil where the mapping has none.
func (s *sheet) key(m *yaml.Node, name string) (key, value *yaml.Node) {
	for k, v := range s.pairs(m) {
		if k.Value == name {
			key, value = k, v // all pairs are looked at: a later one may be the same key
		}
	}
	return key, value
}

// lane reads one lane.
func (s *sheet) lane(key, value *yaml.Node) platform.Lane {
	out := platform.Lane{Name: key.Value}
	known := map[string]interface{ UnmarshalText([]byte) error }{"code": &out.Code, "prompts": &out.Prompts, "parameters": &out.Parameters, "share": &out.Share}
	for k, v := range s.pairs(value) {
		into := known[k.Value]
		if into == nil || v.Kind != yaml.ScalarNode || !plain(v) {
			s.refuse(k, "a lane has code, prompts, parameters and perhaps a share, each one value", byHand)
		} else if err := into.UnmarshalText([]byte(v.Value)); err != nil {
			s.refuse(v, err.Error(), "correct it first")
		}
	}
	return out
}

// offset is where a node begins, in bytes.
func (s *sheet) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(s.starts) {
		s.refuse(n, "stands at no place that is known", byHand)
		return 0
	}
	at := s.starts[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRuneInString(s.text[at:])
		at += size
	}
	return min(at, len(s.text))
}

// end is where a node ends, in bytes.
func (s *sheet) end(n *yaml.Node) int {
	switch {
	case s.refusal != nil:
	case n.Kind == yaml.ScalarNode:
		return s.endOfScalar(n)
	case !s.isMapping(n):
	case n.Style&yaml.FlowStyle != 0:
		return s.endOfFlow(n)
	case len(n.Content) > 0:
		return s.end(n.Content[len(n.Content)-1])
	}
	return 0
}

// endOfScalar is known of one word on one line that is written as it is meant.
func (s *sheet) endOfScalar(n *yaml.Node) int {
	at, written := s.offset(n), quoted(n.Style, n.Value)
	if !plain(n) || n.Value == "" || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || !strings.HasPrefix(s.text[at:], written) {
		s.refuse(n, "is not written as one word on one line", byHand)
	}
	return at + len(written)
}

func (s *sheet) endOfFlow(n *yaml.Node) int {
	at := s.offset(n) + 1
	if len(n.Content) > 0 {
		at = s.end(n.Content[len(n.Content)-1])
	}
	if c := s.blank(at); s.has(c, ",") {
		at = c + 1
	}
	at = s.blank(at)
	if !s.has(at, "}") {
		s.refuse(n, "has no closing brace where one is expected", byHand)
	}
	return at + 1
}

func (s *sheet) has(at int, text string) bool { return strings.HasPrefix(s.text[at:], text) }

// blank skips spaces, ends of lines and comments.
func (s *sheet) blank(at int) int {
	for at < len(s.text) {
		switch c := s.text[at]; {
		case c == '#' && at > 0 && strings.IndexByte(" \t\n", s.text[at-1]) >= 0:
			at = s.lineAfter(at)
		case strings.IndexByte(" \t\r\n", c) >= 0:
			at++
		default:
			return at
		}
	}
	return at
}

// lineAfter is where the next line begins, or the text ends.
func (s *sheet) lineAfter(at int) int {
	if i := strings.IndexByte(s.text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(s.text)
}

func (s *sheet) lineOf(at int) int { return strings.LastIndexByte(s.text[:at], '\n') + 1 }

// lineEnd is how the line at an offset ends; a last line without an end would end as the one
// before it does.
func (s *sheet) lineEnd(at int) string {
	next := s.lineAfter(at)
	if !strings.HasSuffix(s.text[:next], "\n") {
		next = s.lineOf(at)
	}
	if strings.HasSuffix(s.text[:next], "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// indent is the spaces before a node, and whether nothing else stands before it on its line.
func (s *sheet) indent(n *yaml.Node) (string, bool) {
	at := s.offset(n)
	before := s.text[s.lineOf(at):at]
	return before, strings.Trim(before, " ") == ""
}

// ends reports whether nothing but a comment follows on the line.
func (s *sheet) ends(at int) bool {
	return s.blank(at) >= s.lineAfter(at)
}

// quoted is a word as it is written in a style.
func quoted(style yaml.Style, text string) string {
	switch {
	case style&yaml.DoubleQuotedStyle != 0:
		return `"` + text + `"`
	case style&yaml.SingleQuotedStyle != 0:
		return "'" + text + "'"
	}
	return text
}

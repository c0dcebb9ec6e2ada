package promotion

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"remit/platform"
)

const declareIt = "declare the agent's first lane, and its limits, by hand"

// lanesOf is the mapping of an agent's lanes. Without a refusal it has at least one.
func (s *sheet) lanesOf(agent string) *yaml.Node {
	_, all := s.key(s.root, "lanes")
	_, of := s.key(all, agent)
	if s.refusal == nil && (of == nil || len(of.Content) == 0) {
		s.refuseAt(0, "runs no version of "+agent, declareIt)
	}
	for key := range s.pairs(of) {
		s.end(key) // where a name stands decides what is cut: it must be there
	}
	return of
}

// put makes an agent's lane what it shall be, or adds it.
func (s *sheet) put(agent string, lane platform.Lane) {
	of := s.lanesOf(agent)
	key, value := s.key(of, lane.Name)
	switch {
	case s.refusal != nil:
	case key == nil:
		s.add(of, lane)
	default:
		s.change(key, value, lane)
	}
}

// change replaces the words of a lane that differ, each in the quotes it has.
func (s *sheet) change(key, value *yaml.Node, lane platform.Lane) {
	was := s.lane(key, value)
	if s.refusal == nil && (was.Share == 0) != (lane.Share == 0) {
		s.refuse(key, "a lane without a share serves the rest, and one with a share does not", "give or take the share by hand, and say who serves the rest")
	}
	before := wordsOf(was)
	for i, w := range wordsOf(lane) {
		if s.refusal != nil {
			return
		}
		_, n := s.key(value, w.key)
		switch {
		case n == nil:
			s.refuse(key, "has no "+w.key, "correct it first")
		case before[i].value != w.value:
			s.replace(s.offset(n), s.end(n), quoted(n.Style, w.value))
		}
	}
}

// add puts a lane behind the others, written as the last of them is.
func (s *sheet) add(of *yaml.Node, lane platform.Lane) {
	key, last := of.Content[len(of.Content)-2], of.Content[len(of.Content)-1]
	s.lane(key, last)
	if s.refusal != nil {
		return
	}
	look := s.look(key, last)
	indent, alone := s.indent(key)
	end := s.end(last)
	switch {
	case s.refusal != nil:
	case of.Style&yaml.FlowStyle != 0:
		s.addInFlow(indent, alone, end, look.flow(lane))
	case !alone || !s.ends(end):
		s.refuse(key, "does not stand on lines of its own", byHand)
	case last.Style&yaml.FlowStyle != 0:
		s.addLines(key, last, []string{indent + look.flow(lane)})
	default:
		s.addBlock(key, last, look.block(lane))
	}
}

// addBlock indents a lane as the last one is indented.
func (s *sheet) addBlock(key, last *yaml.Node, lines []string) {
	outer, _ := s.indent(key)
	inner, alone := s.indent(last.Content[0])
	if !alone {
		s.refuse(last, "does not begin on a line of its own", byHand)
		return
	}
	lines[0] = outer + lines[0]
	for i := range lines[1:] {
		lines[i+1] = inner + lines[i+1]
	}
	s.addLines(key, last, lines)
}

func (s *sheet) addLines(key, last *yaml.Node, lines []string) {
	end, at := s.lineEnd(s.offset(key)), s.linesEnd(key, last)
	text := strings.Join(lines, end)
	if at == len(s.text) && !strings.HasSuffix(s.text, "\n") {
		s.replace(at, at, end+text)
		return
	}
	s.replace(at, at, text+end)
}

// addInFlow puts a lane on a line of its own where the last one has that, else beside it.
func (s *sheet) addInFlow(indent string, alone bool, end int, text string) {
	after, comma := s.comma(end)
	if !alone || !s.ends(after) {
		s.replace(end, end, ", "+text)
		return
	}
	next := s.lineAfter(after)
	if comma {
		text += ","
	} else {
		s.replace(end, end, ",")
	}
	s.replace(next, next, indent+text+s.lineEnd(after))
}

// comma is where a flow entry ends, with the comma that follows it on its line.
func (s *sheet) comma(end int) (int, bool) {
	at := end + len(s.text[end:]) - len(strings.TrimLeft(s.text[end:], " \t"))
	if s.has(at, ",") {
		return at + 1, true
	}
	return end, false
}

// linesEnd is where the lines of a lane end: those of its last word, and of comments behind
// it that stand deeper than its name.
func (s *sheet) linesEnd(key, value *yaml.Node) int {
	at := s.lineAfter(s.end(value))
	for at < len(s.text) {
		line := s.text[at:s.lineAfter(at)]
		text := strings.TrimLeft(line, " ")
		if !strings.HasPrefix(text, "#") || len(line)-len(text) < key.Column {
			break
		}
		at = s.lineAfter(at)
	}
	return at
}

// remove takes a lane out of an agent's lanes.
func (s *sheet) remove(agent, name string) {
	of := s.lanesOf(agent)
	key, value := s.key(of, name)
	switch {
	case s.refusal != nil:
	case key == nil:
		s.refuseAt(0, agent+" has no lane "+name, "name one it has")
	case len(of.Content) == 2:
		s.refuse(key, "is the agent's only lane, so nobody would be served", "remove the agent by hand, or keep the lane")
	case of.Style&yaml.FlowStyle != 0:
		s.removeInFlow(of, slices.Index(of.Content, key))
	default:
		s.removeLines(key, value)
	}
}

func (s *sheet) removeLines(key, value *yaml.Node) {
	_, alone := s.indent(key)
	if end := s.end(value); s.refusal == nil && (!alone || !s.ends(end)) {
		s.refuse(key, "does not stand on lines of its own", byHand)
	}
	if s.refusal != nil {
		return
	}
	from, to := s.lineOf(s.offset(key)), s.linesEnd(key, value)
	if to == len(s.text) && !strings.HasSuffix(s.text, "\n") {
		from -= len(s.lineEnd(from - 1)) // the text had no last end of a line, and has none
	}
	s.replace(from, to, "")
}

// removeInFlow takes out the lane whose key is the i-th node: its lines where they are its
// own, else its text and one comma.
func (s *sheet) removeInFlow(of *yaml.Node, i int) {
	key, value := of.Content[i], of.Content[i+1]
	from, end := s.offset(key), s.end(value)
	if s.refusal != nil {
		return
	}
	_, alone := s.indent(key)
	after, comma := s.comma(end)
	switch {
	case alone && s.ends(after):
		if !comma && i > 0 {
			s.removeComma(of.Content[i-1])
		}
		s.replace(s.lineOf(from), s.lineAfter(after), "")
	case i > 0:
		before := s.end(of.Content[i-1])
		s.removeBetween(key, before, end, s.text[before:from])
	default:
		next := s.offset(of.Content[i+2])
		s.removeBetween(key, from, next, s.text[end:next])
	}
}

// removeComma takes the comma behind a lane that becomes the last one.
func (s *sheet) removeComma(value *yaml.Node) {
	after, comma := s.comma(s.end(value))
	if !comma {
		s.refuse(value, "has its comma on another line", byHand)
		return
	}
	s.replace(after-1, after, "")
}

// removeBetween cuts where nothing but a comma stands between two lanes.
func (s *sheet) removeBetween(key *yaml.Node, from, to int, between string) {
	if strings.Trim(between, " \t") != "," {
		s.refuse(key, "is separated from its neighbour by more than a comma", byHand)
	}
	s.replace(from, to, "")
}

// look is how a lane is written: the quotes of its name, of its keys, of a digest, of a share.
type look struct{ name, key, digest, share yaml.Style }

func (s *sheet) look(key, lane *yaml.Node) look {
	out := look{name: key.Style}
	for k, v := range s.pairs(lane) {
		out.key = k.Style
		if k.Value != "share" {
			out.digest = v.Style
		}
	}
	out.share = out.key
	if _, share := s.key(lane, "share"); share != nil {
		out.share = share.Style
	}
	return out
}

// named is a lane's name, quoted where it would not be text without.
func (l look) named(name string) string {
	if bare := (&yaml.Node{Kind: yaml.ScalarNode, Value: name}); l.name == 0 && bare.ShortTag() != "!!str" {
		return quoted(yaml.DoubleQuotedStyle, name)
	}
	return quoted(l.name, name)
}

func (l look) words(lane platform.Lane) []string {
	var out []string
	for _, w := range wordsOf(lane) {
		style := l.digest
		if w.key == "share" {
			style = l.share
		}
		out = append(out, quoted(l.key, w.key)+": "+quoted(style, w.value))
	}
	return out
}

func (l look) flow(lane platform.Lane) string {
	return l.named(lane.Name) + ": {" + strings.Join(l.words(lane), ", ") + "}"
}

func (l look) block(lane platform.Lane) []string {
	return append([]string{l.named(lane.Name) + ":"}, l.words(lane)...)
}

package promotion

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"remit/platform"
	"remit/terms"
)

// line is one line of a drawn file, and the lane it belongs to: "agent lane", "agent " where
// an agent's lanes share it, "" for nobody's.
type line struct{ text, of string }

// drawn is a file as somebody may have written it.
type drawn struct {
	sets  []platform.LaneSet
	lines []line
	end   string
	final bool // the last line has an end
}

func (d drawn) text() string {
	var all []string
	for _, l := range d.lines {
		all = append(all, l.text)
	}
	text := strings.Join(all, d.end)
	if d.final {
		text += d.end
	}
	return text
}

// writer draws a file line by line. Each comment is one of a kind.
type writer struct {
	*rapid.T
	drawn
	comments int
}

func (w *writer) line(of, format string, arguments ...any) {
	w.lines = append(w.lines, line{fmt.Sprintf(format, arguments...), of})
}

// remark is a comment behind a line, or nothing.
func (w *writer) remark() string {
	if rapid.IntRange(0, 2).Draw(w.T, "remark") > 0 {
		return ""
	}
	w.comments++
	return fmt.Sprintf(" # it's {c%d}, \"said", w.comments)
}

// aside is a line between others: blank, a comment, or none.
func (w *writer) aside(of, indent string) {
	switch rapid.IntRange(0, 3).Draw(w.T, "aside") {
	case 0:
		w.line("", "")
	case 1:
		w.comments++
		w.line(of, "%s# c%d: - [", indent, w.comments)
	}
}

func (w *writer) quoted(text string) string {
	return quoted(rapid.SampledFrom([]yaml.Style{0, yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle}).Draw(w.T, "quotes"), text)
}

func (w *writer) words(lane platform.Lane) []string {
	var out []string
	for _, word := range rapid.Permutation(wordsOf(lane)).Draw(w.T, "order") {
		out = append(out, w.quoted(word.key)+": "+w.quoted(word.value))
	}
	return out
}

func (w *writer) flow(lane platform.Lane) string {
	space := rapid.SampledFrom([]string{"", " "}).Draw(w.T, "space")
	comma := rapid.SampledFrom([]string{"", ","}).Draw(w.T, "comma")
	return w.quoted(lane.Name) + ": {" + space + strings.Join(w.words(lane), ", ") + comma + space + "}"
}

func (w *writer) agent(set platform.LaneSet) {
	switch rapid.IntRange(0, 2).Draw(w.T, "layout") {
	case 0:
		var all []string
		for _, lane := range set.Lanes {
			all = append(all, w.flow(lane))
		}
		w.line(set.Agent+" ", "  %s: {%s}%s", w.quoted(set.Agent), strings.Join(all, ", "), w.remark())
	case 1:
		w.line(set.Agent+" ", "  %s: {%s", w.quoted(set.Agent), w.remark())
		comma := rapid.Bool().Draw(w.T, "trailing comma")
		for i, lane := range set.Lanes {
			separator := ","
			if i == len(set.Lanes)-1 && !comma {
				separator = ""
			}
			w.line(set.Agent+" "+lane.Name, "     %s%s%s", w.flow(lane), separator, w.remark())
			w.aside("", "     ")
		}
		w.line("", "  }%s", w.remark())
	default:
		w.line("", "  %s:%s", w.quoted(set.Agent), w.remark())
		for _, lane := range set.Lanes {
			w.aside("", "    ")
			w.lane(set.Agent+" "+lane.Name, lane)
		}
	}
	w.aside("", "  ")
}

func (w *writer) lane(of string, lane platform.Lane) {
	defer w.aside(of, "      ")
	if rapid.Bool().Draw(w.T, "in braces") {
		w.line(of, "    %s%s", w.flow(lane), w.remark())
		return
	}
	w.line(of, "    %s:%s", w.quoted(lane.Name), w.remark())
	for _, word := range w.words(lane) {
		w.line(of, "       %s%s", word, w.remark())
	}
}

var laneNames = []string{"stable", "canary", "beta", "true"}

func drawLane(t *rapid.T, name string) platform.Lane {
	draw := func(what string) terms.Digest {
		return digest(rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, what))
	}
	return platform.Lane{Name: name, Code: draw("code"), Prompts: draw("prompts"), Parameters: draw("parameters"), Share: terms.Percent(rapid.IntRange(0, 2).Draw(t, "share") * 5)}
}

func drawFile(t *rapid.T) drawn {
	w := &writer{T: t}
	w.end = rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end of lines")
	for _, agent := range []string{"clerk", "other"} {
		set := platform.LaneSet{Agent: agent}
		for _, name := range laneNames[:rapid.IntRange(1, 3).Draw(t, "lanes")] {
			set.Lanes = append(set.Lanes, drawLane(t, name))
		}
		w.sets = append(w.sets, set)
	}
	w.aside("", "")
	w.line("", "environment: prod%s", w.remark())
	w.line("", "lanes:%s", w.remark())
	for _, set := range w.sets {
		w.aside("", "  ")
		w.agent(set)
	}
	if rapid.Bool().Draw(t, "something behind") {
		w.line("", "map: {LN-UW: \"%s\", it's: clerk}%s", digest("a"), w.remark())
	}
	w.final = rapid.Bool().Draw(t, "final end")
	if last := w.lines[len(w.lines)-1]; last.text == "" {
		w.final = true
	}
	return w.drawn
}

// drawEdit is one edit of an agent's lanes, and what undoes it where anything does.
func drawEdit(t *rapid.T, set platform.LaneSet) (edit Edit, inverse Edit) {
	old := rapid.SampledFrom(set.Lanes).Draw(t, "lane")
	lane := drawLane(t, old.Name)
	if lane.Share = old.Share; lane.Share > 0 {
		lane.Share = terms.Percent(rapid.IntRange(1, 100).Draw(t, "new share"))
	}
	added := drawLane(t, laneNames[len(set.Lanes)])
	edits := []func() (Edit, Edit){
		func() (Edit, Edit) { return Edit{Agent: set.Agent, Lane: lane}, Edit{Agent: set.Agent, Lane: old} },
		func() (Edit, Edit) {
			return Edit{Agent: set.Agent, Lane: added}, Edit{Agent: set.Agent, Gone: added.Name}
		},
	}
	if len(set.Lanes) > 1 {
		gone := set.Lanes[0].Name
		if gone == old.Name {
			gone = set.Lanes[1].Name
		}
		edits = append(edits,
			func() (Edit, Edit) { return Edit{Agent: set.Agent, Gone: old.Name}, Edit{} },
			func() (Edit, Edit) { return Edit{Agent: set.Agent, Lane: lane, Gone: gone}, Edit{} })
	}
	return rapid.SampledFrom(edits).Draw(t, "edit")()
}

func TestEveryDrawnFileIsEditedWhereItsLaneStandsAndNowhereElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawFile(t)
		text := []byte(d.text())
		edit, inverse := drawEdit(t, rapid.SampledFrom(d.sets).Draw(t, "agent"))
		got, err := edit.Apply("f", text)
		if err != nil {
			t.Fatalf("%+v is refused: %v\n%s", edit, err, text)
		}
		for i, set := range edit.Sets(d.sets) {
			if lanes, err := Lanes("f", got, set.Agent); err != nil || !reflect.DeepEqual(lanes, set.Lanes) {
				t.Fatalf("lanes of %s: %v\n got %+v\nwant %+v\n--- was\n%s\n--- is\n%s", d.sets[i].Agent, err, lanes, set.Lanes, text, got)
			}
		}
		otherLinesStay(t, d, edit, got)
		commentsStay(t, d, edit, got)
		theLastEndStays(t, d, edit, got)
		if back, err := inverse.Apply("f", got); inverse != (Edit{}) && (err != nil || !bytes.Equal(back, text)) {
			t.Fatalf("undone by %+v: %v\n--- was\n%s\n--- is\n%s\n--- back\n%s", inverse, err, text, got, back)
		}
	})
}

// concerned reports whether an edit may touch a line. A lane that follows the last one in
// braces, or leaves, may give or take the comma before it.
func concerned(edit Edit, l line, following string) bool {
	if l.of == "" {
		return false
	}
	agent, lane, _ := strings.Cut(l.of, " ")
	comma := following == "" || following == edit.Gone
	return agent == edit.Agent && (lane == "" || lane == edit.Lane.Name || lane == edit.Gone || comma && strings.HasPrefix(l.text, "     ") && strings.Contains(l.text, "{"))
}

// otherLinesStay: what the edit does not concern is there, in its order.
func otherLinesStay(t *rapid.T, d drawn, edit Edit, got []byte) {
	lines := strings.Split(string(got), d.end)
	for i, l := range d.lines {
		if concerned(edit, l, following(d, i)) {
			continue
		}
		at := slices.Index(lines, l.text)
		if at < 0 {
			t.Fatalf("%+v lost or moved a line:\n%s\n--- was\n%s\n--- is\n%s", edit, l.text, d.text(), got)
		}
		lines = lines[at+1:]
	}
}

// theLastEndStays: a text without a last end of a line gets none, but where a blank line has
// become the last one: that is the end of the line before it.
func theLastEndStays(t *rapid.T, d drawn, edit Edit, got []byte) {
	stay := slices.DeleteFunc(slices.Clone(d.lines), func(l line) bool { return edit.Gone != "" && l.of == edit.Agent+" "+edit.Gone })
	if end := strings.HasSuffix(string(got), d.end); end != d.final && stay[len(stay)-1].text != "" {
		t.Fatalf("the last line has or has not an end, other than before:\n--- was\n%q\n--- is\n%q", d.text(), got)
	}
}

// following is the name of the agent's lane behind the one that a line belongs to.
func following(d drawn, i int) string {
	agent, lane, _ := strings.Cut(d.lines[i].of, " ")
	for _, set := range d.sets {
		at := slices.IndexFunc(set.Lanes, named(lane))
		if set.Agent == agent && at >= 0 && at+1 < len(set.Lanes) {
			return set.Lanes[at+1].Name
		}
	}
	return ""
}

var comment = regexp.MustCompile(`#[^#]*\bc[0-9]+\b`)

// commentsStay: only a lane that goes takes comments along, and only its own.
func commentsStay(t *rapid.T, d drawn, edit Edit, got []byte) {
	for _, l := range d.lines {
		if edit.Gone != "" && l.of == edit.Agent+" "+edit.Gone {
			continue
		}
		if c := comment.FindString(l.text); !bytes.Contains(got, []byte(c)) {
			t.Fatalf("%+v lost the comment %q\n--- was\n%s\n--- is\n%s", edit, c, d.text(), got)
		}
	}
}

// FuzzAnyTextIsEditedAsWantedOrRefused: whatever the text, an edit that is not refused changes
// what another reader of YAML sees in the wanted keys and in no other.
func FuzzAnyTextIsEditedAsWantedOrRefused(f *testing.F) {
	files, _ := filepath.Glob("../environments/*/prod.yaml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "loan-processor", "canary", "")
	}
	for _, text := range []string{block, flow, spread} {
		f.Add(spelt(text), "clerk", "canary", "stable")
		f.Add(spelt(text), "clerk", "beta", "canary")
		f.Add("\ufeff"+spelt(text), "clerk", "beta", "")
	}
	f.Fuzz(func(t *testing.T, text, agent, lane, gone string) {
		edit := Edit{Agent: agent, Lane: version(lane, "d", 7), Gone: gone}
		got, err := edit.Apply("f", []byte(text))
		if err != nil || lane == "" {
			return
		}
		var was, is map[string]any
		if err := yaml.Unmarshal([]byte(text), &was); err != nil {
			return // what is no YAML elsewhere is the loader's to say
		}
		if err := yaml.Unmarshal(got, &is); err != nil {
			t.Fatalf("the edit broke the file: %v\n--- was\n%s\n--- is\n%s", err, text, got)
		}
		lanes := was["lanes"].(map[string]any)[agent].(map[string]any)
		lanes[lane] = map[string]any{"share": "7%", "code": string(digest("d")), "prompts": string(digest("d")), "parameters": string(digest("d"))}
		delete(lanes, gone)
		if !reflect.DeepEqual(was, is) {
			t.Fatalf("%+v changed something else\n--- was\n%s\n--- is\n%s", edit, text, got)
		}
	})
}

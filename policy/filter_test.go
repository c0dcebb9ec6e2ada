package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"

	"remit/policy"
)

// letting is a bundle whose only tool lets these paths leave.
func letting(t testing.TB, text bool, allow ...string) *policy.Bundle {
	b := copied(t, minimal)
	b.Tools["find"].Allow, b.Tools["find"].Text = allow, text
	return loaded(t, b)
}

func decoded(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("more than one value: %.200s", text)
	}
	return out
}

// leaf is a value that is neither object nor list, and the way to it: names and places.
type leaf struct {
	path  []any
	value string // as JSON, with its number as it was written
}

func leaves(value any) []leaf {
	var out []leaf
	var walk func(path []any, v any)
	walk = func(path []any, v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(append(slices.Clone(path), name), v[name])
			}
		case []any:
			for i, item := range v {
				walk(append(slices.Clone(path), i), item)
			}
		default:
			text, err := json.Marshal(v)
			if err != nil {
				panic(err)
			}
			out = append(out, leaf{path, string(text)})
		}
	}
	walk(nil, value)
	return out
}

var segment = regexp.MustCompile(`\.([^.\[]+)|\[(\*|[0-9]+)\]`)

// permitted matches a way against an allow-list, path by path, without any tree.
func permitted(path []any, allow []string) bool {
	return slices.ContainsFunc(allow, func(a string) bool {
		steps := segment.FindAllStringSubmatch(a, -1)
		if len(steps) != len(path) {
			return false
		}
		for i, step := range steps {
			switch at := path[i].(type) {
			case string:
				if step[1] != at || at == "" {
					return false
				}
			case int:
				if step[2] != "*" && step[2] != strconv.Itoa(at) {
					return false
				}
			}
		}
		return true
	})
}

// named is leaves by names and value, sorted; places are left out because a list closes up
// where something of it stays behind.
func named(list []leaf) []string {
	var out []string
	for _, l := range list {
		line := ""
		for _, p := range l.path {
			if name, ok := p.(string); ok {
				line += fmt.Sprintf(".%q", name)
			} else {
				line += "[]"
			}
		}
		out = append(out, line+" = "+l.value)
	}
	slices.Sort(out)
	return out
}

// result is a filtered reply, read strictly: nothing but the three known parts.
type result struct {
	structured any
	has        bool
	texts      []string
	failed     bool
}

func filtered(t testing.TB, b *policy.Bundle, reply string) (result, int, string) {
	t.Helper()
	text, withheld, err := b.Filter("find", []byte(reply))
	if err != nil {
		t.Fatalf("%v\n  reply %.500s", err, reply)
	}
	var out result
	object, _ := decoded(t, string(text)).(map[string]any)
	for key, value := range object {
		switch key {
		case "structuredContent":
			out.structured, out.has = value, true
		case "isError":
			out.failed = value == true
			if !out.failed {
				t.Fatalf("isError is %v", value)
			}
		case "content":
			blocks, _ := value.([]any)
			for _, block := range blocks {
				block, _ := block.(map[string]any)
				words, ok := block["text"].(string)
				if len(block) != 2 || block["type"] != "text" || !ok {
					t.Fatalf("a block left that is not plain text: %.300s", text)
				}
				out.texts = append(out.texts, words)
			}
		default:
			t.Fatalf("%s left with the reply: %.300s", key, text)
		}
	}
	if len(out.texts) == 0 {
		t.Fatalf("the agent sees no block and thinks the connection is broken: %.300s", text)
	}
	return out, withheld, string(text)
}

var someAllow = []string{
	"$.a", "$.b", "$.a.a", "$.a.b", "$.a[*]", "$.a[0]", "$.a[1]", "$.a[2].b", "$.a[*].a", "$.a[*][*]", "$.b[*].a[*].b", "$.b[1][0]", "$.b.a[*].a", "$.é.a", "$.a.b.a.b", "$[*].a", "$[1].b", "$.b[*].b[1]", "$.b[0].b",
}

// text is JSON as a careless tool writes it: keys more than once, escaped or with white
// space, numbers of any size.
func (d dice) text(depth int) string {
	space := pick(d, []string{"", "", " ", "\n\t"})
	kind := d.IntN(12)
	switch {
	case depth == 0:
		kind = 0
	case depth > 4 && !d.oneIn(8):
		kind = 9
	}
	switch {
	case kind < 3:
		return pick(d, []string{"null", "true", "false", "0", "-0", "0.1", "1e400", "-1E-400", "123456789012345678901234567890", "1.0", `""`, `"a"`, `"\u0061"`, `"é\u2028<&>"`, `"\ud800"`, `"{\"a\":1}"`, `"` + fmt.Sprint(d.IntN(1000)) + `"`})
	case kind < 7:
		var items []string
		for range d.IntN(5) {
			items = append(items, d.text(depth-1))
		}
		return "[" + space + strings.Join(items, ","+space) + "]"
	}
	var items []string
	for range 1 + d.IntN(5) {
		items = append(items, pick(d, []string{`"a"`, `"a"`, `"a"`, `"b"`, `"b"`, `"b"`, `"\u0061"`, `"A"`, `"é"`, `"e\u0301"`, `""`, `"c"`, `"*"`, `"0"`})+space+":"+d.text(depth-1))
	}
	return "{" + space + strings.Join(items, ",") + space + "}"
}

// allow draws paths, most of them ways to leaves that are there, or nearly.
func (d dice) allow(in any) []string {
	out := []string{pick(d, someAllow)}
	all := leaves(in)
	for range 1 + d.IntN(5) {
		if len(all) == 0 || d.oneIn(4) {
			out = append(out, pick(d, someAllow))
			continue
		}
		path := "$"
		for _, at := range pick(d, all).path {
			switch at := at.(type) {
			case int:
				path += pick(d, []string{"[*]", fmt.Sprintf("[%d]", at)})
			case string:
				path += "." + at
			}
		}
		if expressible.MatchString(path) {
			out = append(out, path)
		}
	}
	return out
}

var expressible = regexp.MustCompile(`^\$((\.[a-zA-Zé\x{301}]+)|\[[0-9*]+\])+$`)

// What leaves is exactly what the allow-list names: no leaf more, none less, each as it was
// written, at a place the list names; what stays behind is counted; and what was filtered
// once is filtered.
func TestExactlyTheAllowedLeavesOfAnyReplyLeave(t *testing.T) {
	total, left, gone := 0, 0, 0
	for seed := range seeds(6000) {
		d := roll(seed)
		text := d.text(5)
		in := decoded(t, text)
		allow := d.allow(in)
		b := letting(t, false, allow...)
		var want []leaf
		all := leaves(in)
		for _, l := range all {
			if permitted(l.path, allow) {
				want = append(want, l)
			}
		}

		out, withheld, once := filtered(t, b, `{"structuredContent":`+text+`}`)
		got := []leaf{}
		if out.has {
			got = leaves(out.structured)
		}
		for _, l := range got {
			if !permitted(l.path, allow) {
				t.Fatalf("%v left by a path that nobody allowed\n  allow %q\n  in  %s\n  out %s", l, allow, text, once)
			}
		}
		if g, w := named(got), named(want); !slices.Equal(g, w) {
			t.Fatalf("another set of values left\n  allow %q\n  in   %s\n  out  %s\n  got  %q\n  want %q", allow, text, once, g, w)
		}
		if len(got)+withheld != len(all) {
			t.Fatalf("%d values came, %d left and %d were counted as withheld\n  allow %q\n  in  %s\n  out %s", len(all), len(got), withheld, allow, text, once)
		}
		if _, _, twice := filtered(t, b, once); twice != once {
			t.Fatalf("a filtered reply is filtered again\n  allow %q\n  in    %s\n  once  %s\n  twice %s", allow, text, once, twice)
		}

		// The same JSON as text in a block leaves as the same JSON.
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		block, withheldText, _ := filtered(t, b, `{"content":[{"type":"text","text":`+string(quoted)+`}]}`)
		switch in.(type) {
		case map[string]any, []any:
			structured := out.structured
			if !out.has {
				structured = map[string]any{}
			}
			asText, err := json.Marshal(structured)
			if err != nil {
				t.Fatal(err)
			}
			if g, w := named(leaves(decoded(t, block.texts[0]))), named(leaves(decoded(t, string(asText)))); len(block.texts) != 1 || !slices.Equal(g, w) || withheldText != withheld {
				t.Fatalf("text and structured content differ\n  in %s\n  text %q\n  structured %q", text, g, w)
			}
		default:
			if !slices.Equal(block.texts, []string{"{}"}) || withheldText != 1 {
				t.Fatalf("a bare %s left in a block: %q", text, block.texts)
			}
		}
		total, left, gone = total+1, left+len(got), gone+withheld
	}
	t.Logf("%d replies: %d values left, %d stayed behind", total, left, gone)
	if left == 0 || gone == 0 {
		t.Error("the comparison compares too little to say anything")
	}
}

// The second witness is a whole implementation of RFC 9535. It differs in one point that is
// ours: [*] of an object is no list, so its members are not named.
func TestTheFilterSelectsWhatRFC9535Selects(t *testing.T) {
	selected := 0
	for seed := range seeds(3000) {
		d := roll(seed + 1_000_000)
		text := d.text(5)
		in := decoded(t, text)
		allow := d.allow(in)
		want := map[string]leaf{}
		for _, path := range allow {
			query := jsonpath.MustParse(path)
			for _, node := range query.SelectLocated(in) {
				if l, ok := scalarAt(query, node); ok {
					want[fmt.Sprint(node.Path)] = l
				}
			}
		}
		out, _, once := filtered(t, letting(t, false, allow...), `{"structuredContent":`+text+`}`)
		got := []leaf{}
		if out.has {
			got = leaves(out.structured)
		}
		if g, w := named(got), named(slices.Collect(maps.Values(want))); !slices.Equal(g, w) {
			t.Fatalf("RFC 9535 selects other values\n  allow %q\n  in   %s\n  out  %s\n  got  %q\n  want %q", allow, text, once, g, w)
		}
		selected += len(got)
	}
	t.Logf("%d values selected alike", selected)
	if selected == 0 {
		t.Error("nothing was selected, so nothing was compared")
	}
}

func scalarAt(query *jsonpath.Path, node *spec.LocatedNode) (leaf, bool) {
	one := leaves(node.Node)
	if len(one) != 1 || len(one[0].path) != 0 {
		return leaf{}, false
	}
	l := leaf{value: one[0].value}
	for i, at := range node.Path {
		switch at := at.(type) {
		case spec.Name:
			if _, all := query.Query().Segments()[i].Selectors()[0].(spec.WildcardSelector); all {
				return leaf{}, false
			}
			l.path = append(l.path, string(at))
		case spec.Index:
			l.path = append(l.path, int(at))
		}
	}
	return l, true
}

func TestAllowingLessNeverLetsMoreOut(t *testing.T) {
	for seed := range seeds(1500) {
		d := roll(seed + 2_000_000)
		text := d.text(5)
		allow := d.allow(decoded(t, text))
		less := slices.Delete(slices.Clone(allow), 0, 1+d.IntN(len(allow)))
		reply := `{"structuredContent":` + text + `}`
		wide, behindWide, _ := filtered(t, letting(t, false, allow...), reply)
		narrow, behindNarrow, _ := filtered(t, letting(t, false, less...), reply)
		rest := named(leaves(wide.structured))
		for _, l := range named(leaves(narrow.structured)) {
			i := slices.Index(rest, l)
			if i < 0 && narrow.has {
				t.Fatalf("%s leaves by %q and not by %q: %s", l, less, allow, reply)
			}
			rest = slices.Delete(rest, max(i, 0), i+1)
		}
		if behindNarrow < behindWide {
			t.Fatalf("%q withholds %d, %q only %d: %s", allow, behindWide, less, behindNarrow, reply)
		}
	}
}

const silent = `{"content":[{"text":"{}","type":"text"}]}`

func TestWhatLeavesOfEachPartOfAToolResult(t *testing.T) {
	const mixed = `{"state":"open","card":"4111","lines":[{"state":"x","n":1},{"n":2}]}`
	text := func(s string) string {
		quoted, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return `{"type":"text","text":` + string(quoted) + `}`
	}
	content := func(blocks ...string) string { return `{"content":[` + strings.Join(blocks, ",") + `]}` }
	left := func(words ...string) string {
		var blocks []string
		for _, w := range words {
			quoted, err := json.Marshal(w)
			if err != nil {
				t.Fatal(err)
			}
			blocks = append(blocks, `{"text":`+string(quoted)+`,"type":"text"}`)
		}
		return `{"content":[` + strings.Join(blocks, ",") + `]}`
	}
	for _, c := range []struct {
		name, reply, want string
		withheld          int
		prose             bool // the tool allows text
	}{
		{name: "structured", reply: `{"structuredContent":` + mixed + `}`, want: `{"content":[{"text":"{}","type":"text"}],"structuredContent":{"lines":[{"state":"x"},{}],"state":"open"}}`, withheld: 3},
		{name: "structured text", reply: `{"structuredContent":"4111"}`, want: silent, withheld: 1},
		{name: "structured number", reply: `{"structuredContent":4111}`, want: silent, withheld: 1},
		{name: "structured null", reply: `{"structuredContent":null}`, want: silent, withheld: 1},
		{name: "structured truth", reply: `{"structuredContent":true}`, want: silent, withheld: 1},
		{name: "structured list", reply: `{"structuredContent":[{"state":1}]}`, want: silent, withheld: 1},
		{name: "an object where a value was named", reply: `{"structuredContent":{"state":{"state":"4111"}}}`, want: `{"content":[{"text":"{}","type":"text"}],"structuredContent":{}}`, withheld: 1},
		{name: "a list where a value was named", reply: `{"structuredContent":{"state":["4111"]}}`, want: `{"content":[{"text":"{}","type":"text"}],"structuredContent":{}}`, withheld: 1},
		{name: "numbers as they were written", reply: `{"structuredContent":{"state":1e400,"lines":[{"state":0.1},{"state":-0},{"state":12345678901234567890123},{"state":1.50}]}}`,
			want: `{"content":[{"text":"{}","type":"text"}],"structuredContent":{"lines":[{"state":0.1},{"state":-0},{"state":12345678901234567890123},{"state":1.50}],"state":1e400}}`},
		{name: "a key twice", reply: `{"structuredContent":{"state":"4111","state":"open","\u0073tate":"shut"}}`, want: `{"content":[{"text":"{}","type":"text"}],"structuredContent":{"state":"shut"}}`},
		{name: "a part twice", reply: `{"structuredContent":{"card":1},"structuredContent":{"state":2}}`, want: `{"content":[{"text":"{}","type":"text"}],"structuredContent":{"state":2}}`},
		{name: "another case", reply: `{"structuredContent":{"State":1,"STATE":2},"StructuredContent":{"state":3}}`, want: `{"content":[{"text":"{}","type":"text"}],"structuredContent":{}}`, withheld: 3},
		{name: "a letter put together", reply: "{\"structuredContent\":{\"sta\u0301te\":1,\"state\u200b\":2}}", want: `{"content":[{"text":"{}","type":"text"}],"structuredContent":{}}`, withheld: 2},

		{name: "JSON in text", reply: content(text(mixed)), want: left(`{"lines":[{"state":"x"},{}],"state":"open"}`), withheld: 3},
		{name: "JSON in text of a tool that may speak", reply: content(text(mixed)), want: left(`{"lines":[{"state":"x"},{}],"state":"open"}`), withheld: 3, prose: true},
		{name: "white space around it", reply: content(text("\n " + mixed + "\t\n")), want: left(`{"lines":[{"state":"x"},{}],"state":"open"}`), withheld: 3},
		{name: "a list in text", reply: content(text(`[{"state":1}]`)), want: silent, withheld: 1, prose: true},
		{name: "a bare number in text", reply: content(text(`4111`)), want: silent, withheld: 1, prose: true},
		{name: "bare text in text", reply: content(text(`"{\"card\":4111}"`)), want: silent, withheld: 1, prose: true},
		{name: "null in text", reply: content(text(`null`)), want: silent, withheld: 1, prose: true},
		{name: "no text", reply: content(text(``)), want: silent, withheld: 1},
		{name: "prose", reply: content(text(`card 4111`)), want: silent, withheld: 1},
		{name: "allowed prose", reply: content(text(`it is "open" <b>&`)), want: `{"content":[{"text":"it is \"open\" <b>&","type":"text"}]}`, prose: true},
		{name: "JSON with a word after it", reply: content(text(mixed + " done")), want: silent, withheld: 1, prose: true},
		{name: "JSON and a closing bracket", reply: content(text(mixed + "}")), want: silent, withheld: 1, prose: true},
		{name: "lines of JSON", reply: content(text(mixed + "\n" + mixed)), want: silent, withheld: 1, prose: true},
		{name: "JSON cut short", reply: content(text(mixed[:30])), want: silent, withheld: 1, prose: true},
		{name: "JSON behind a byte order mark", reply: content(text("\ufeff" + mixed)), want: silent, withheld: 1, prose: true},
		{name: "Python's idea of JSON", reply: content(text(` {'card': '4111'}`)), want: silent, withheld: 1, prose: true},
		{name: "JSON deeper than is read", reply: content(text(strings.Repeat("[", 10_001) + `"4111"` + strings.Repeat("]", 10_001))), want: silent, withheld: 1, prose: true},

		{name: "two blocks", reply: content(text(`{"state":1}`), text("4111"), text(`{"state":2,"card":3}`)), want: left(`{"state":1}`, `{"state":2}`), withheld: 2},
		{name: "a block of which nothing is left", reply: content(text(`[{"card":1}]`), text(`{"state":1}`)), want: left(`{"state":1}`), withheld: 1},
		{name: "what comes with a block", reply: content(`{"type":"text","text":"{\"state\":1}","annotations":{"audience":["user"]},"_meta":{"card":4111}}`), want: left(`{"state":1}`), withheld: 2},
		{name: "an image", reply: content(`{"type":"image","data":"4111","mimeType":"image/png"}`), want: silent, withheld: 3, prose: true},
		{name: "a resource", reply: content(`{"type":"resource","resource":{"uri":"x","text":"4111"}}`), want: silent, withheld: 3, prose: true},
		{name: "a resource that calls itself text", reply: content(`{"type":"text","resource":{"text":"4111"}}`), want: silent, withheld: 2, prose: true},
		{name: "no type", reply: content(`{"text":"{\"state\":1}"}`), want: silent, withheld: 1, prose: true},
		{name: "a type that is none", reply: content(`{"type":["text"],"text":"4111"}`, `{"type":null,"text":"4111"}`, `{"type":{"type":"text"},"text":"4111"}`), want: silent, withheld: 6, prose: true},
		{name: "text that is none", reply: content(`{"type":"text","text":{"state":1}}`, `{"type":"text","text":4111}`, `{"type":"text"}`), want: silent, withheld: 5, prose: true},
		{name: "blocks that are none", reply: content(`"4111"`, `4111`, `null`, `[]`, `["4111"]`), want: silent, withheld: 4, prose: true},
		{name: "content that is text", reply: `{"content":"4111"}`, want: silent, withheld: 1, prose: true},
		{name: "content that is a block", reply: `{"content":{"type":"text","text":"{\"state\":1}"}}`, want: silent, withheld: 2, prose: true},
		{name: "content that is null", reply: `{"content":null}`, want: silent, withheld: 1},
		{name: "no content", reply: `{}`, want: silent},
		{name: "no blocks", reply: `{"content":[]}`, want: silent},

		{name: "a failure", reply: `{"isError":true,"content":[{"type":"text","text":"card 4111"}],"structuredContent":{"card":1,"state":2}}`, want: `{"content":[{"text":"{}","type":"text"}],"isError":true,"structuredContent":{"state":2}}`, withheld: 2},
		{name: "no failure", reply: `{"isError":false}`, want: silent},
		{name: "a failure in words", reply: `{"isError":"true"}`, want: silent, withheld: 1},
		{name: "a failure with data", reply: `{"isError":{"card":4111}}`, want: silent, withheld: 1},
		{name: "every other part", reply: `{"_meta":{"card":4111},"error":{"data":["4111",2]},"result":{"structuredContent":{"state":1}},"":null}`, want: silent, withheld: 5, prose: true},
	} {
		got, withheld, err := letting(t, c.prose, "$.state", "$.lines[*].state").Filter("find", []byte(c.reply))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if string(got) != c.want || withheld != c.withheld {
			t.Errorf("%s: what was never named leaves, or what was named does not\n  got  %s (%d withheld)\n  want %s (%d)", c.name, got, withheld, c.want, c.withheld)
		}
	}
}

func TestAReplyThatCannotBeReadStaysBehindWhole(t *testing.T) {
	deep := func(n int) string {
		return `{"structuredContent":` + strings.Repeat(`{"state":`, n) + "1" + strings.Repeat("}", n) + "}"
	}
	b := letting(t, true, "$.state")
	for name, reply := range map[string]string{
		"nothing": "", "white space": " ", "null": "null", "a list": `[{"structuredContent":{"state":1}}]`, "text": `"{}"`, "a number": "1", "true": "true",
		"two values": `{"structuredContent":{"state":1}} {}`, "a closing bracket more": `{"structuredContent":{"state":1}}}`, "a word after it": `{} x`, "cut short": `{"structuredContent":{"state":1}`,
		"bytes that are no JSON": "\x00\xff", "a byte order mark": "\ufeff{}", "NaN": `{"structuredContent":{"state":NaN}}`, "a comment": `{/**/}`, "deeper than is read": deep(10_001),
		"larger than is read": `{"structuredContent":{"state":"` + strings.Repeat("x", policy.MaxReply) + `"}}`,
	} {
		if kept, withheld, err := b.Filter("find", []byte(reply)); kept != nil || withheld != 0 || !errors.Is(err, policy.ErrReply) {
			t.Errorf("%s: %.200s left (%d, %v)", name, kept, withheld, err)
		}
	}
	for _, tool := range []string{"", "ghost", "Find"} {
		if kept, _, err := b.Filter(tool, []byte(`{"structuredContent":{"state":1}}`)); kept != nil || !errors.Is(err, policy.ErrReply) {
			t.Errorf("the lane has no tool %q and %s left", tool, kept)
		}
	}
	if out, withheld, _ := filtered(t, b, deep(9_990)); withheld != 1 || len(leaves(out.structured)) != 0 {
		t.Errorf("a value 9,990 deep: %v left, %d withheld", out.structured, withheld)
	}
}

func TestALargeReplyIsFilteredWhole(t *testing.T) {
	n := 100_000
	if testing.Short() { // for many runs
		n = 1_000
	}
	reply := `{"structuredContent":{"lines":[` + strings.Repeat(`{"state":1,"card":"4111 1111"},`, n) + `{}]}}`
	out, withheld, text := filtered(t, letting(t, false, "$.lines[*].state"), reply)
	if got := len(leaves(out.structured)); got != n || withheld != n || strings.Contains(text, "4111") {
		t.Errorf("%d left and %d stayed behind, want %d each", got, withheld, n)
	}
	full := `{"structuredContent":{"state":"` + strings.Repeat("x", policy.MaxReply-len(`{"structuredContent":{"state":""}}`)) + `"}}`
	if out, _, _ := filtered(t, letting(t, false, "$.state"), full); len(full) != policy.MaxReply || len(leaves(out.structured)) != 1 {
		t.Error("the largest reply that is read was not passed on")
	}
}

// $.point[1] is the second coordinate; alone in a list it would be read as the first.
func TestWhatIsNamedByItsPlaceKeepsItsPlace(t *testing.T) {
	for _, c := range []struct {
		allow    []string
		in, want string
	}{
		{[]string{"$.a[1]"}, `{"a":[7,8,9]}`, `{"a":[{},8]}`},
		{[]string{"$.a[0]"}, `{"a":[7,8,9]}`, `{"a":[7]}`},
		{[]string{"$.a[3]"}, `{"a":[7,8,9]}`, `{"a":[]}`},
		{[]string{"$.a[0]", "$.a[2]"}, `{"a":[7,8,9]}`, `{"a":[7,{},9]}`},
		{[]string{"$.a[2]", "$.a[*].b"}, `{"a":[7,{"b":8},9]}`, `{"a":[{},{"b":8},9]}`},
		{[]string{"$.a[1].c", "$.a[*].b"}, `{"a":[{"b":1,"c":2},{"b":3,"c":4}]}`, `{"a":[{"b":1},{"b":3,"c":4}]}`},
		{[]string{"$.a[*]"}, `{"a":[7,{"b":1},9]}`, `{"a":[7,9]}`}, // nothing is named by its place here
	} {
		out, _, _ := filtered(t, letting(t, false, c.allow...), `{"structuredContent":`+c.in+`}`)
		if got, err := json.Marshal(out.structured); err != nil || string(got) != c.want {
			t.Errorf("%q of %s: a value moved\n  got  %s\n  want %s", c.allow, c.in, got, c.want)
		}
	}
}

func TestAPathThatCouldSelectByContentIsRefused(t *testing.T) {
	for _, path := range []string{
		"", "$", "a", ".a", "$a", "$.", "$..a", "$.*", "$.a.*", "$.a..b", "$.a.", "$[", "$[]", "$.a[", "$.a[x]", "$.a[-1]", "$.a[+1]", "$.a[01]", "$.a[-0]", "$.a[0:2]", "$.a[0,1]", "$.a[?@.b]", "$['a']", `$["a"]`,
		"$.a[0", "$.a[12", "$.a[99999999999999999999]", "$.a[ 0]", "$.[0]", "$ .a", "@.a", "$.a[0]b", "$[*]b", "$.a[**]",
	} {
		b := copied(t, minimal)
		b.Tools["find"].Allow = []string{"$.state", path}
		text, err := b.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := policy.Load(text); !errors.Is(err, policy.ErrBundle) {
			t.Errorf("%q was accepted as a path (%v)", path, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("$.a\n$.b[*].c", false, []byte(`{"content":[{"type":"text","text":"{\"a\":1,\"x\":2}"}],"structuredContent":{"a":1,"b":[{"c":1e400,"d":2}]},"isError":true}`))
	f.Add("$.a[1]\n$.a[*].b", true, []byte(`{"content":[{"type":"text","text":"[1] {"},{"type":"image"}],"structuredContent":{"a":[1,{"b":2}]}}`))
	f.Add("$[*].a\n$[1].b", true, []byte(`{"structuredContent":[{"a":1},{"b":null}],"content":{}}`))
	f.Fuzz(func(t *testing.T, paths string, prose bool, reply []byte) {
		b := copied(t, minimal)
		b.Tools["find"].Allow, b.Tools["find"].Text = strings.Split(paths, "\n"), prose
		text, err := b.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := policy.Load(text)
		if err != nil {
			return
		}
		allow := bundle.Tools["find"].Allow
		kept, withheld, err := bundle.Filter("find", reply)
		if err != nil {
			if kept != nil || withheld != 0 || !errors.Is(err, policy.ErrReply) {
				t.Fatalf("%s beside %v", kept, err)
			}
			return
		}
		out, _, once := filtered(t, bundle, string(reply))
		if out.has {
			for _, l := range leaves(out.structured) {
				if !permitted(l.path, allow) {
					t.Fatalf("%v left, allowed is %q", l, allow)
				}
			}
		}
		for _, words := range out.texts {
			value, err := any(nil), json.Unmarshal([]byte(words), new(any))
			if err != nil {
				if !prose || !strings.Contains(string(bytes.TrimSpace(reply)), "text") {
					t.Fatalf("%q left, which is not JSON", words)
				}
				continue
			}
			value = decoded(t, words)
			for _, l := range leaves(value) {
				if !permitted(l.path, allow) {
					t.Fatalf("%v left in text, allowed is %q", l, allow)
				}
			}
		}
		if again, _, err := bundle.Filter("find", kept); err != nil || string(again) != once {
			t.Fatalf("filtered twice: %v\n  once  %s\n  twice %s", err, once, again)
		}
	})
}

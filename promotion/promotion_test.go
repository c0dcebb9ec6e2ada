package promotion

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"remit/platform"
	"remit/terms"
)

func digest(letter string) terms.Digest { return terms.Digest("sha256:" + strings.Repeat(letter, 64)) }

func version(name, letter string, share terms.Percent) platform.Lane {
	return platform.Lane{Name: name, Code: digest(letter), Prompts: digest(letter), Parameters: digest(letter), Share: share}
}

// spelt writes @a for the digest of as, so that texts can be read.
func spelt(text string) string {
	for _, letter := range []string{"a", "b", "c", "d"} {
		text = strings.ReplaceAll(text, "@"+letter, string(digest(letter)))
	}
	return text
}

func short(text []byte) string {
	out := string(text)
	for _, letter := range []string{"a", "b", "c", "d"} {
		out = strings.ReplaceAll(out, string(digest(letter)), "@"+letter)
	}
	return out
}

const block = `# what runs
lanes: # by agent
  clerk:
    stable: # since March
      code: "@a"   # built on a Monday
      prompts: '@a'
      parameters: @a
    # a tenth at most
    canary:
      share: 5%
      code: "@b"
      prompts: "@b"
      parameters: "@b"
      # watch the refusals
  other: {stable: {code: "@a", prompts: "@a", parameters: "@a"}}

removal: retain
`

const flow = `lanes: {clerk: {stable: {code: "@a", prompts: "@a", parameters: "@a"}, canary: {"share": "5%", "code": "@b", "prompts": "@b", "parameters": "@b"}}} # both`

const spread = `lanes:
  clerk: {
    stable: {code: "@a", prompts: "@a", parameters: "@a"}, # the old one
    canary: {share: 5%, code: "@b",
      prompts: "@b", parameters: "@b"} # the new one
  }
`

func TestAnEditChangesWhatItSaysAndNothingElse(t *testing.T) {
	cases := []struct {
		name, text string
		edit       Edit
		want       string
	}{
		{"another version keeps each word's quotes and comment", block, Edit{Agent: "clerk", Lane: version("stable", "c", 0)},
			strings.NewReplacer(`"@a"   #`, `"@c"   #`, "prompts: '@a'", "prompts: '@c'", "parameters: @a\n", "parameters: @c\n").Replace(block)},
		{"another share is one word", block, Edit{Agent: "clerk", Lane: version("canary", "b", 20)}, strings.Replace(block, "5%", "20%", 1)},
		{"a lane goes with its own comments and no others", block, Edit{Agent: "clerk", Gone: "canary"},
			strings.Replace(block, between(block, "    canary:\n", "  other"), "", 1)},
		{"a version becomes stable and its lane goes, in one edit", block, Edit{Agent: "clerk", Lane: version("stable", "b", 0), Gone: "canary"},
			strings.Replace(strings.NewReplacer(`"@a"   #`, `"@b"   #`, "prompts: '@a'", "prompts: '@b'", "parameters: @a\n", "parameters: @b\n").Replace(block), between(block, "    canary:\n", "  other"), "", 1)},
		{"a lane starts behind the comments of the last one, written as that one is", block, Edit{Agent: "clerk", Lane: version("beta", "c", 1)},
			strings.Replace(block, "  other:", "    beta:\n      share: 1%\n      code: \"@c\"\n      prompts: \"@c\"\n      parameters: \"@c\"\n  other:", 1)},
		{"a lane starts beside another", flow, Edit{Agent: "clerk", Lane: version("beta", "c", 1)},
			strings.Replace(flow, `"@b"}}}`, `"@b"}, beta: {"share": "1%", "code": "@c", "prompts": "@c", "parameters": "@c"}}}`, 1)},
		{"a lane beside another goes with one comma", flow, Edit{Agent: "clerk", Gone: "canary"},
			`lanes: {clerk: {stable: {code: "@a", prompts: "@a", parameters: "@a"}}} # both`},
		{"the first lane of a line goes with one comma", flow, Edit{Agent: "clerk", Gone: "stable"},
			`lanes: {clerk: {canary: {"share": "5%", "code": "@b", "prompts": "@b", "parameters": "@b"}}} # both`},
		{"a lane starts on a line of its own inside braces", spread, Edit{Agent: "clerk", Lane: version("beta", "c", 1)},
			strings.Replace(spread, "\"@b\"} # the new one\n", "\"@b\"}, # the new one\n    beta: {share: 1%, code: \"@c\", prompts: \"@c\", parameters: \"@c\"}\n", 1)},
		{"the last line inside braces takes its comma along", spread, Edit{Agent: "clerk", Gone: "canary"},
			strings.Replace(strings.Replace(spread, between(spread, "    canary", "  }\n"), "", 1), "\"@a\"}, #", "\"@a\"} #", 1)},
		{"nothing is nothing", block, Edit{}, block},
	}
	for _, c := range cases {
		for _, end := range []string{"\n", "\r\n"} {
			text, want := strings.ReplaceAll(c.text, "\n", end), strings.ReplaceAll(c.want, "\n", end)
			got, err := c.edit.Apply("prod.yaml", []byte(spelt(text)))
			if err != nil || short(got) != want {
				t.Errorf("%s (%q): %v\n--- got\n%s\n--- want\n%s", c.name, end, err, short(got), want)
			}
		}
	}
}

// between is the part of a text from one word to before another.
func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	middle, _, _ := strings.Cut(rest, to)
	return from + middle
}

func TestTheLastLineKeepsItsMissingEnd(t *testing.T) {
	text := strings.TrimSuffix(spelt("lanes:\n  clerk:\n    stable: {code: @a, prompts: @a, parameters: @a}\n"), "\n")
	more, err := Edit{Agent: "clerk", Lane: version("canary", "b", 5)}.Apply("f", []byte(text))
	if want := text + spelt("\n    canary: {share: 5%, code: @b, prompts: @b, parameters: @b}"); err != nil || string(more) != want {
		t.Fatalf("%v\n%s", err, more)
	}
	if back, err := (Edit{Agent: "clerk", Gone: "canary"}).Apply("f", more); err != nil || string(back) != text {
		t.Errorf("%v\n%s", err, back)
	}
}

func TestWhatIsWrittenInAnUnknownFormIsRefusedWithItsPlace(t *testing.T) {
	one := Edit{Agent: "clerk", Lane: version("stable", "c", 0)}
	more := Edit{Agent: "clerk", Lane: version("canary", "c", 5)}
	cases := []struct {
		name, text string
		edit       Edit
		want       string
	}{
		{"an agent that does not run", "lanes: {other: {}}", one, "f: runs no version of clerk; declare the agent's first lane, and its limits, by hand"},
		{"an empty file", "", one, "f: is no YAML that can be read; remit check says where"},
		{"two documents", "lanes: {}\n---\nlanes: {}\n", one, "f: is more than one YAML document; one file is one document"},
		{"a line that ends in a return alone", "a: 1\rlanes: {}\n", one, "f:1:1: a line ends in an unusual character; end lines in a line feed, or in a carriage return and one"},
		{"a digest over two lines", "lanes:\n  clerk:\n    stable:\n      code: >-\n        @a\n      prompts: @a\n      parameters: @a\n", one, "f:4:13: is not written as one word on one line; edit the file by hand, or write it like the others"},
		{"an escaped digest", "lanes: {clerk: {stable: {code: \"\\u0073ha256:" + strings.Repeat("a", 64) + "\", prompts: @a, parameters: @a}}}", one, "f:1:32: is not written as one word on one line; edit the file by hand, or write it like the others"},
		{"an alias", "x: &x {code: @a}\nlanes: {clerk: {stable: *x}}", one, "f:2:25: is not a mapping without anchor, alias and tag; write key: value lines, or {key: value}"},
		{"a key twice", "lanes: {clerk: {stable: {}, stable: {}}}", one, "f:1:29: a key is one plain word, once, without anchor, alias, merge or tag; write the key out"},
		{"a lane without prompts", "lanes: {clerk: {stable: {code: @a, parameters: @a}}}", one, "f:1:17: has no prompts; correct it first"},
		{"a lane with a word nobody knows", "lanes: {clerk: {stable: {image: x}}}", one, "f:1:26: a lane has code, prompts, parameters and perhaps a share, each one value; edit the file by hand, or write it like the others"},
		{"a digest that is none", "lanes: {clerk: {stable: {code: x}}}", one, "f:1:32: a digest is sha256: and 64 lower-case hex digits; correct it first"},
		{"a share for whoever serves the rest", "lanes: {clerk: {stable: {code: @a, prompts: @a, parameters: @a}}}", Edit{Agent: "clerk", Lane: version("stable", "a", 5)}, "f:1:17: a lane without a share serves the rest, and one with a share does not; give or take the share by hand, and say who serves the rest"},
		{"the only lane", "lanes: {clerk: {stable: {code: @a, prompts: @a, parameters: @a}}}", Edit{Agent: "clerk", Gone: "stable"}, "f:1:17: is the agent's only lane, so nobody would be served; remove the agent by hand, or keep the lane"},
		{"a lane that is not there", "lanes: {clerk: {stable: {code: @a}}}", Edit{Agent: "clerk", Gone: "canary"}, "f: clerk has no lane canary; name one it has"},
		{"a key on a line with its question mark", "lanes:\n  clerk:\n    ? stable\n    : {code: @a, prompts: @a, parameters: @a}\n", more, "f:3:7: does not stand on lines of its own; edit the file by hand, or write it like the others"},
		{"a comma on the next line", "lanes:\n  clerk: {\n    stable: {code: @a, prompts: @a, parameters: @a}\n    , canary: {code: @a, prompts: @a, parameters: @a} }\n", Edit{Agent: "clerk", Gone: "canary"}, "f:4:7: is separated from its neighbour by more than a comma; edit the file by hand, or write it like the others"},
	}
	for _, c := range cases {
		got, err := c.edit.Apply("f", []byte(spelt(c.text)))
		var refusal *Refusal
		if !errors.As(err, &refusal) || err.Error() != c.want || got != nil {
			t.Errorf("%s:\n got %v\nwant %s\n%s", c.name, err, c.want, got)
		}
	}
}

func TestNoWordIsWrittenThatIsNoLane(t *testing.T) {
	for _, lane := range []platform.Lane{version("Canary", "a", 5), {Name: "canary", Share: 5}, version("canary", "a", -5), version("a: b", "a", 5)} {
		if got, err := (Edit{Agent: "clerk", Lane: lane}).Apply("f", []byte(spelt(block))); err == nil {
			t.Errorf("%+v was written:\n%s", lane, got)
		}
	}
}

func TestANameThatYAMLReadsAsNoTextIsQuoted(t *testing.T) {
	got, err := Edit{Agent: "clerk", Lane: version("null", "b", 5)}.Apply("f", []byte(spelt("lanes: {clerk: {stable: {code: @a, prompts: @a, parameters: @a}}}")))
	if want := `lanes: {clerk: {stable: {code: @a, prompts: @a, parameters: @a}, "null": {share: 5%, code: @b, prompts: @b, parameters: @b}}}`; err != nil || short(got) != want {
		t.Errorf("%v\n%s", err, short(got))
	}
}

func TestLanesAreReadInTheirOrder(t *testing.T) {
	got, err := Lanes("f", []byte(spelt(block)), "clerk")
	if want := []platform.Lane{version("stable", "a", 0), version("canary", "b", 5)}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%+v", err, got)
	}
	if got, err := Lanes("f", []byte(spelt(block)), "nobody"); got != nil || err != nil {
		t.Errorf("an agent that does not run: %+v, %v", got, err)
	}
}

func TestAnEditSaysWhatTheDeclarationThenSays(t *testing.T) {
	sets := []platform.LaneSet{{Agent: "other"}, {Agent: "clerk", Lanes: []platform.Lane{version("stable", "a", 0), version("canary", "b", 5)}}}
	for _, c := range []struct {
		edit Edit
		want []platform.Lane
	}{
		{Edit{}, []platform.Lane{version("stable", "a", 0), version("canary", "b", 5)}},
		{Edit{Agent: "clerk", Lane: version("stable", "b", 0), Gone: "canary"}, []platform.Lane{version("stable", "b", 0)}},
		{Edit{Agent: "clerk", Lane: version("beta", "c", 1)}, []platform.Lane{version("stable", "a", 0), version("canary", "b", 5), version("beta", "c", 1)}},
	} {
		want := []platform.LaneSet{sets[0], {Agent: "clerk", Lanes: c.want}}
		if got := c.edit.Sets(sets); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\n got %+v\nwant %+v", c.edit, got, want)
		}
	}
}

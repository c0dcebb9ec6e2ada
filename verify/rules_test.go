package verify

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite RULES.md from the table")

// page is RULES.md as the table says it.
func page() string {
	var out strings.Builder
	out.WriteString("<!-- made from the rule table by: go test ./verify -run Rules -update -->\n# The rules of verify\n\n" +
		"Each is decided for all requests. A rule that cannot decide is a finding too. Rules marked *declared* compare with a declaration\nand are not judged without one; the report says so.\n")
	for _, r := range append(slices.Clone(Rules), waiverRule) {
		mark := ""
		if r.Declared {
			mark = " *declared*"
		}
		fmt.Fprintf(&out, "\n## %s%s\n\n%s\n%s\n\nSource: %s.\n", r.ID, mark, r.Sentence, r.Why, r.Source)
	}
	return out.String()
}

func TestRulesAreWhatTheirPageSays(t *testing.T) {
	if *update {
		if err := os.WriteFile("RULES.md", []byte(page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("RULES.md")
	if err != nil {
		t.Fatal(err)
	}
	have, want := sections(string(text)), sections(page())
	for id, body := range want {
		if have[id] != body {
			t.Errorf("RULES.md does not say rule %s as it is judged; remake it", id)
		}
	}
	for id := range have {
		if _, judged := want[id]; !judged {
			t.Errorf("RULES.md promises rule %s, which nobody judges", id)
		}
	}
}

func sections(text string) map[string]string {
	out := map[string]string{}
	for _, part := range strings.Split(text, "\n## ")[1:] {
		id, body, _ := strings.Cut(part, "\n")
		out[id] = body
	}
	return out
}

func TestEveryRuleSaysWhatWhyAndWhence(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules {
		if r.ID == "" || r.Sentence == "" || r.Why == "" || r.Source == "" || r.judge == nil {
			t.Errorf("rule %q cannot be understood or judges nothing", r.ID)
		}
		if seen[r.ID] {
			t.Errorf("two rules are called %s; a waiver for one would be read as one for both", r.ID)
		}
		seen[r.ID] = true
	}
}

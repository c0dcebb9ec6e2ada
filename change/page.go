package change

import (
	"fmt"
	"strings"
)

// pageOf is the table for people: docs/changes.md.
func pageOf(rows []Row) string {
	var out strings.Builder
	out.WriteString(`# What a change needs

Generated from the rows of package change. ` + "`remit classify DEPLOYED CANDIDATE`" + ` judges by them, for each environment, and by what the prover says of IAM: new access, and access that nobody could decide, need a named approval by security whatever the edit was. The strictest row decides. What no row speaks of needs a named approval by security. The order of a list, a comment or a layout is no change.

*automatic*: nobody; a new prompt still has to pass its evaluation. *review*: somebody reads it. *named approval*: one of the people whom the **deployed** declaration names for that class.

| key | more, or new | less, or gone | another |
|---|---|---|---|
`)
	for _, r := range rows {
		if r == always(r.Path, r.More) {
			fmt.Fprintf(&out, "| `%s` | %s | the same | the same |\n", r.Path, r.More)
			continue
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", r.Path, r.More, r.Less, r.Other)
	}
	return out.String()
}

// String is the meaning as the page has it.
func (m Meaning) String() string {
	switch {
	case m.reason == "":
		return ""
	case m.class == Approval:
		return "**" + m.by + "**: " + m.reason
	}
	return m.class.String() + ": " + m.reason
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"remit/iam"
	"remit/verify"
)

// changed is what diff says: counts of each meaning, and everything that is not the same.
type changed struct {
	Old     string                 `json:"old"`
	New     string                 `json:"new"`
	Counts  map[verify.Meaning]int `json:"counts"`
	Changes []verify.Change        `json:"changes"`
}

func difference(c *command, arguments []string) error {
	if len(arguments) != 2 {
		return usage{"diff compares two: OLD and NEW, each an assembly, a directory of templates, a template or a declaration"}
	}
	var sides [2]iam.World
	for i, path := range arguments {
		w, err := c.side(path)
		if err != nil {
			return err
		}
		sides[i] = w
	}
	out := changed{Old: arguments[0], New: arguments[1], Counts: map[verify.Meaning]int{}, Changes: []verify.Change{}}
	widens := false
	for _, change := range verify.Compare(sides[0], sides[1]) {
		out.Counts[change.Meaning]++
		widens = widens || change.Widens()
		if change.Meaning != verify.Same {
			out.Changes = append(out.Changes, change)
		}
	}
	text := out.text()
	if c.markdown {
		text = out.table()
	}
	if err := c.print(out, text); err != nil {
		return err
	}
	if widens {
		return errFindings
	}
	return nil
}

// side is one world of a comparison. What cannot be read makes the comparison impossible: a
// difference over a part would be read as one over all.
func (c *command) side(path string) (iam.World, error) {
	if _, err := os.Stat(filepath.Join(path, "platform.yaml")); err == nil {
		p, err := declaration([]string{path})
		if err != nil {
			return iam.World{}, err
		}
		return c.intended(p)
	}
	read, err := c.readWorlds([]string{path}, nil)
	if err != nil {
		return iam.World{}, err
	}
	if len(read.unreadable) > 0 {
		return iam.World{}, fmt.Errorf("%s cannot be compared: %s", path, read.unreadable[0])
	}
	return read.World, nil
}

func (out changed) summary() string {
	var parts []string
	for _, m := range []verify.Meaning{verify.New, verify.Unknown, verify.Narrower, verify.Gone, verify.Same} {
		if n := out.Counts[m]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, m))
		}
	}
	if parts == nil {
		return "nothing on either side"
	}
	return strings.Join(parts, ", ")
}

func (out changed) text() string {
	var text strings.Builder
	for _, change := range out.Changes {
		fmt.Fprintf(&text, "%-10s  %s of %s\n", change.Meaning, change.Part, change.Of)
		if change.Note != "" {
			fmt.Fprintf(&text, "            %s\n", change.Note)
		}
		if change.Witness.Action != "" {
			fmt.Fprintf(&text, "            for example %s\n", said(change.Witness))
		}
	}
	fmt.Fprintf(&text, "%s, by meaning, for all requests\n", out.summary())
	return text.String()
}

func (out changed) table() string {
	var text strings.Builder
	fmt.Fprintf(&text, "### Access: %s\n\n", out.summary())
	if len(out.Changes) > 0 {
		text.WriteString("| | part | of | for example |\n|---|---|---|---|\n")
	}
	for _, change := range out.Changes {
		example := change.Note
		if change.Witness.Action != "" {
			example = strings.TrimPrefix(example+"; "+said(change.Witness), "; ")
		}
		fmt.Fprintf(&text, "| **%s** | %s | `%s` | %s |\n", change.Meaning, change.Part, change.Of, strings.NewReplacer("|", "\\|", "\n", " ").Replace(example))
	}
	return text.String()
}

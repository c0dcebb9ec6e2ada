package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// grow copies a declaration to a directory and gives every agent n more lanes in every
// environment. It answers how many lanes that makes in all.
func grow(from, to string, n int) (int, error) {
	files, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil {
		return 0, err
	}
	total := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		grown, added := withLanes(string(text), n)
		total += added
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), []byte(grown), 0o600); err != nil {
			return 0, err
		}
	}
	if total == 0 {
		return 0, fmt.Errorf("%s: no environment has a lane to multiply", from)
	}
	return total, nil
}

var agentOfLanes = regexp.MustCompile(`^  [\w-]+:\n$`)

// withLanes adds lanes as text, because a copy through a YAML printer would no longer be
// the file whose reading is measured. The platform file lists the lanes' names; an
// environment says what each agent's lanes are. The lanes that are there keep what they
// serve or serve the rest: each new one takes 1%.
func withLanes(text string, n int) (string, int) {
	var out strings.Builder
	added, inLanes := 0, false
	for line := range strings.Lines(text) {
		if names, listed := strings.CutPrefix(line, "lanes: ["); listed {
			line = "lanes: [" + strings.Join(laneNames(n), ", ") + ", " + names
		}
		out.WriteString(line)
		if !strings.ContainsAny(line[:1], " #\n") {
			inLanes = line == "lanes:\n"
		}
		if inLanes && agentOfLanes.MatchString(line) {
			for _, name := range laneNames(n) {
				fmt.Fprintf(&out, "    %s: {share: 1%%, code: %s, prompts: %[2]s, parameters: %[2]s}\n", name, digest)
			}
			added += n
		}
	}
	return out.String(), added
}

// digest is quoted, or YAML would take the colon for a key's.
var digest = `"sha256:` + strings.Repeat("0", 64) + `"`

func laneNames(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("bench-%d", i+1))
	}
	return out
}

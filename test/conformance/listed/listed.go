// Package listed compares what a check found with what a committed list excuses, both ways:
// what is not listed is a fault, and so is a line of the list that nothing was found for. A
// list can therefore neither hide something new nor outlive its reason. It knows nothing of
// the checks. Start with [Read].
package listed

import (
	"fmt"
	"slices"
	"strings"
)

// Excuses are the keys of a list, each with the reason it stands under. The zero value
// excuses nothing.
type Excuses map[string]string

// Read reads a list: a reason on unindented lines, and below it, indented, the keys that it
// excuses, one a line. Lines that start with # and empty lines say nothing. It fails for a
// key without a reason, a reason without a key, and a key that is there twice.
func Read(text string) (Excuses, error) {
	out, reason, used := Excuses{}, "", true
	for number, line := range strings.Split(text, "\n") {
		key := strings.TrimSpace(line)
		indented := key != line && strings.HasPrefix(line, " ")
		switch {
		case key == "" || strings.HasPrefix(line, "#"):
		case !indented && used:
			reason, used = key, false
		case !indented:
			reason += " " + key
		case reason == "":
			return nil, fmt.Errorf("line %d: %q has no reason above it", number+1, key)
		case out[key] != "":
			return nil, fmt.Errorf("line %d: %q is listed twice", number+1, key)
		default:
			out[key], used = reason, true
		}
	}
	if !used {
		return nil, fmt.Errorf("the last reason excuses nothing: %q", reason)
	}
	return out, nil
}

// Unlisted is what was found and is not excused, sorted.
func (e Excuses) Unlisted(found []string) []string {
	return minus(found, func(key string) bool { return e[key] != "" })
}

// Stale is what is excused and was not found, sorted: its line has to go.
func (e Excuses) Stale(found []string) []string {
	var keys []string
	for key := range e {
		keys = append(keys, key)
	}
	return minus(keys, func(key string) bool { return slices.Contains(found, key) })
}

func minus(keys []string, known func(string) bool) []string {
	var out []string
	for _, key := range keys {
		if !known(key) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

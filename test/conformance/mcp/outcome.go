package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/test/conformance/listed"
)

// outcomes are revision → scenario → its checks.
type outcomes map[string]map[string][]check

// faults are what an exception would have to excuse, as the lines of the list say it: a
// check that fails, by scenario (and its own name where that is another), or a scenario that
// checked nothing; then the revisions in which it is so.
func (o outcomes) faults() []string {
	revisions := map[string][]string{}
	for _, revision := range slices.Sorted(maps.Keys(o)) {
		for scenario, checks := range o[revision] {
			for _, fault := range faultsOf(scenario, checks) {
				revisions[fault] = append(revisions[fault], revision)
			}
		}
	}
	var out []string
	for fault, in := range revisions {
		out = append(out, fault+" "+strings.Join(in, " "))
	}
	slices.Sort(out)
	return out
}

func faultsOf(scenario string, checks []check) []string {
	var failed []string
	passed := 0
	for _, c := range checks {
		switch {
		case c.Status == "FAILURE" && c.ID == scenario:
			failed = append(failed, scenario)
		case c.Status == "FAILURE":
			failed = append(failed, scenario+":"+c.ID)
		case c.Status == "SUCCESS" && c.ID != wireSchema:
			passed++
		}
	}
	if len(failed) == 0 && passed == 0 {
		return []string{scenario + " (nothing checked)"}
	}
	slices.Sort(failed)
	return slices.Compact(failed)
}

// against says what the list does not excuse and what it excuses in vain, "" for neither.
func (o outcomes) against(excuses listed.Excuses) string {
	var out strings.Builder
	faults := o.faults()
	for _, fault := range excuses.Unlisted(faults) {
		fmt.Fprintf(&out, "  fails, and no exception says why: %s\n", fault)
	}
	for _, line := range excuses.Stale(faults) {
		fmt.Fprintf(&out, "  no longer fails, so its line must go: %s\n", line)
	}
	return out.String()
}

// summary says for each revision how many scenarios passed, and which.
func (o outcomes) summary() string {
	var out strings.Builder
	for _, revision := range slices.Sorted(maps.Keys(o)) {
		var passed []string
		for scenario, checks := range o[revision] {
			if len(faultsOf(scenario, checks)) == 0 {
				passed = append(passed, scenario)
			}
		}
		slices.Sort(passed)
		fmt.Fprintf(&out, "MCP %s: %d of %d scenarios pass: %s\n", revision, len(passed), len(o[revision]), strings.Join(passed, ", "))
	}
	return out.String()
}

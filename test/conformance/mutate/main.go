// Command mutate changes packages in each small way that gremlins knows, runs their tests,
// and compares what no test noticed with survivors.txt, both ways: a survivor that is not
// listed fails, and so does a listed one that is killed. It knows nothing of the packages.
//
// gremlins takes a place for tested only when the coverage profile has a counter there, and
// a case of a switch or a constant has none. Those places are mutated here, by the same
// table, or they would never be. gremlins runs the tests with -short; what it does not see
// killed is put to all of them.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"remit/test/conformance/listed"
)

func main() {
	list := flag.String("survivors", "test/conformance/mutate/survivors.txt", "the mutations that no test can notice, and why")
	gremlins := flag.String("gremlins", ".tools/bin/gremlins", "the built tool")
	workers := flag.Int("workers", runtime.NumCPU(), "how many mutations are tested at once")
	flag.Parse()
	if err := run(*list, *gremlins, *workers, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "remit: mutate:", err)
		os.Exit(1)
	}
}

func run(list, gremlins string, workers int, packages []string) error {
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	excuses, err := listed.Read(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	if gremlins, err = filepath.Abs(gremlins); err != nil {
		return err
	}
	var complaints strings.Builder
	for _, pkg := range packages {
		survivors, err := mutated(pkg, gremlins, workers)
		if err != nil {
			return fmt.Errorf("%s: %w", pkg, err)
		}
		complaints.WriteString(against(about(excuses, pkg), survivors))
	}
	if complaints.Len() > 0 {
		return fmt.Errorf("%s and the tests disagree:\n%s", list, complaints.String())
	}
	return nil
}

// mutated tests every mutation of a package in a copy of the module, says how it went, and
// answers the survivors by their names in the list.
func mutated(pkg, gremlins string, workers int) ([]string, error) {
	c, err := stage(pkg)
	if err != nil {
		return nil, err
	}
	defer c.remove()
	took, err := c.rehearse()
	if err != nil {
		return nil, err
	}
	mutants, err := c.unleash(gremlins, workers)
	if err != nil {
		return nil, err
	}
	if err := c.testUndecided(mutants, patience*took); err != nil {
		return nil, err
	}
	names, err := c.names(mutants)
	if err != nil {
		return nil, err
	}
	counts, survivors := map[string]int{}, []string{}
	for i, m := range mutants {
		counts[m.Status]++
		switch m.Status {
		case killed, timedOut, notViable: // a test that does not end is a test that fails
		case lived:
			survivors = append(survivors, names[i])
		default:
			return nil, fmt.Errorf("%s: %s is neither killed nor alive", names[i], m.Status)
		}
	}
	fmt.Printf("%s: %d mutations: %d killed, %d ran without end, %d survived\n", pkg, len(mutants), counts[killed], counts[timedOut], counts[lived])
	return survivors, nil
}

// about is the part of a list that is about files of one package.
func about(all listed.Excuses, pkg string) listed.Excuses {
	out := listed.Excuses{}
	for key, reason := range all {
		if file, _, _ := strings.Cut(key, " "); filepath.Dir(file) == pkg {
			out[key] = reason
		}
	}
	return out
}

func against(excuses listed.Excuses, survivors []string) string {
	var out strings.Builder
	for _, key := range excuses.Unlisted(survivors) {
		fmt.Fprintf(&out, "  no test notices: %s\n", key)
	}
	for _, key := range excuses.Stale(survivors) {
		fmt.Fprintf(&out, "  is killed or gone, so its line must go: %s\n", key)
	}
	return out.String()
}

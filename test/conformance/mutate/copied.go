package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// copied is a copy of the module in which one package is changed. The packages below it are
// left out, because gremlins would take them for parts of it.
type copied struct{ dir, pkg, tmp string }

func stage(pkg string) (copied, error) {
	root, err := os.MkdirTemp("", "remit-mutate-")
	if err != nil {
		return copied{}, err
	}
	c := copied{filepath.Join(root, "module"), pkg, root}
	listing, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return c, fmt.Errorf("git ls-files: %w", err)
	}
	for file := range strings.SplitSeq(strings.TrimSuffix(string(listing), "\x00"), "\x00") {
		below := strings.HasPrefix(file, pkg+"/") && strings.HasSuffix(file, ".go") && filepath.Dir(file) != pkg
		if below {
			continue
		}
		if err := c.take(file); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c copied) take(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil // deleted, and git does not know yet
	}
	if err != nil {
		return err
	}
	to := filepath.Join(c.dir, file)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

func (c copied) remove() { _ = os.RemoveAll(c.tmp) }

// environment: no cached result, no vet (a mutant that only vet dislikes has not been
// noticed by a test), and no corpora, which are not on every machine.
func (c copied) environment(flags string) []string {
	return append(os.Environ(), "GOFLAGS=-count=1 -vet=off"+flags, "TMPDIR="+c.tmp, "REMIT_CONFORMANCE=", "REMIT_CORPORA="+filepath.Join(c.tmp, "none"))
}

// patience is how many times as long as the tests take a mutant may take.
const patience = 3

// rehearse runs the tests without any mutation: once to compile what no mutant changes,
// which would count as time that the tests take, and once for that time.
func (c copied) rehearse() (time.Duration, error) {
	var start time.Time
	for range 2 {
		start = time.Now()
		if status, said := c.test(time.Hour); status != lived {
			return 0, fmt.Errorf("the tests fail without any mutation:\n%s", said)
		}
	}
	return time.Since(start), nil
}

// unleash runs gremlins with every kind of mutation that it has, and the short tests.
func (c copied) unleash(gremlins string, workers int) ([]mutant, error) {
	report := filepath.Join(c.tmp, "report.json")
	run := exec.Command(gremlins, "unleash", "./"+c.pkg, "--output", report, "--workers", strconv.Itoa(workers), "--timeout-coefficient", strconv.Itoa(patience),
		"--invert-assignments", "--invert-bitwise", "--invert-bwassign", "--invert-logical", "--invert-loopctrl", "--remove-self-assignments")
	run.Dir, run.Env = c.dir, c.environment(" -short")
	said, err := run.CombinedOutput()
	text, missing := os.ReadFile(report)
	if err != nil || missing != nil {
		return nil, fmt.Errorf("gremlins: %w\n%s", errors.Join(err, missing), said)
	}
	var read struct {
		Files []struct {
			Name      string `json:"file_name"`
			Mutations []mutant
		}
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, err
	}
	var out []mutant
	for _, f := range read.Files {
		for _, m := range f.Mutations {
			m.file = f.Name
			out = append(out, m)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("there is nothing to mutate")
	}
	slices.SortFunc(out, mutant.compare)
	return out, nil
}

func (m mutant) compare(other mutant) int {
	return strings.Compare(fmt.Sprintf("%s %6d %6d %s", m.file, m.Line, m.Column, m.Type), fmt.Sprintf("%s %6d %6d %s", other.file, other.Line, other.Column, other.Type))
}

// testUndecided puts what is not yet killed to all tests, each alone, and writes down what
// became of it: what gremlins passed over, what the short tests let live, and what ran out of
// its time, which on a busy machine says nothing.
func (c copied) testUndecided(mutants []mutant, patient time.Duration) error {
	for i, m := range mutants {
		if m.Status == killed {
			continue
		}
		file := filepath.Join(c.dir, c.pkg, m.file)
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		changed, err := m.applied(text)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, changed, 0o644); err != nil {
			return err
		}
		mutants[i].Status, _ = c.test(patient)
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// test runs the package's tests; said is what they said when they failed.
func (c copied) test(within time.Duration) (status string, said []byte) {
	run := exec.Command("go", "test", "-failfast", "-timeout", within.String(), "./"+c.pkg)
	run.Dir, run.Env = c.dir, c.environment("")
	said, err := run.CombinedOutput()
	switch {
	case err == nil:
		return lived, nil
	case bytes.Contains(said, []byte("panic: test timed out after")):
		return timedOut, said
	}
	return killed, said
}

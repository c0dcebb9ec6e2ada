package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// check is one thing the suite looked at.
type check struct {
	ID     string `json:"id"`
	Status string `json:"status"` // SUCCESS, FAILURE, WARNING, INFO, SKIPPED
}

// wireSchema is the check that every scenario has beside its own: that each message the
// server sent is one by the revision's JSON schema.
const wireSchema = "wire-schema-valid"

// suiteAt runs the suite at one revision and answers scenario → its checks. The suite's exit
// code also counts what is excused, so what it wrote decides; that it finished is checked.
func (c conformance) suiteAt(s *server, revision string) (map[string][]check, error) {
	o, err := s.open()
	if err != nil {
		return nil, err
	}
	proxy, err := s.proxy(o)
	if err != nil {
		return nil, err
	}
	defer proxy.Close()
	into, err := os.MkdirTemp("", "remit-mcp-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(into)
	arguments := append([]string{filepath.Join(c.suite, "dist/index.js"), "server", "--url", proxy.URL + "/mcp", "--output-dir", into}, c.scope(revision)...)
	said, err := exec.Command("node", arguments...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	judged := len(verdict.FindAll(said, -1))
	results, err := results(into)
	if err == nil && (judged == 0 || judged != len(results)) {
		err = fmt.Errorf("it judged %d scenarios and wrote down %d", judged, len(results))
	}
	if err != nil {
		return nil, fmt.Errorf("the suite did not finish: %w\n%s", err, said)
	}
	return results, nil
}

// scope is what the suite requires of a revision, or everything it has for one that it has
// no set of requirements for.
func (c conformance) scope(revision string) []string {
	if _, err := os.Stat(filepath.Join(c.suite, "requirements", revision+".yaml")); err == nil {
		return []string{"--requirements", revision}
	}
	return []string{"--suite", "all", "--spec-version", revision}
}

var (
	verdict   = regexp.MustCompile(`(?m)^[✓✗] [\w-]+: \d+ passed, \d+ failed`)
	resultDir = regexp.MustCompile(`^server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+$`)
)

func results(dir string) (map[string][]check, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := map[string][]check{}
	for _, entry := range entries {
		name := resultDir.FindStringSubmatch(entry.Name())
		if name == nil {
			return nil, fmt.Errorf("%s is not named as results are", entry.Name())
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name(), "checks.json"))
		if err != nil {
			return nil, err
		}
		var checks []check
		if err := json.Unmarshal(text, &checks); err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
		out[name[1]] = checks
	}
	return out, nil
}

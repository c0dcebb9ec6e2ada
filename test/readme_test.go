package test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"remit/platform/load"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks are the fenced blocks of a page, without their fences.
func blocks(page string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

func TestTheReadmesDeclarationIsClean(t *testing.T) {
	files := fstest.MapFS{}
	for _, block := range blocks(readme(t)) {
		for _, name := range []string{"platform.yaml", "prod.yaml"} {
			if strings.HasPrefix(block, "# "+name+"\n") {
				files[name] = &fstest.MapFile{Data: []byte(block)}
			}
		}
	}
	if len(files) != 2 {
		t.Fatalf("the README shows %d of the two files", len(files))
	}
	if _, err := load.FS(files, "README.md", today); err != nil {
		t.Errorf("a reader who copies the README's declaration gets:\n%v", err)
	}
}

// TestTheReadmesCommandsPrintWhatItShows: a line of three dots stands for what is left out.
func TestTheReadmesCommandsPrintWhatItShows(t *testing.T) {
	remit, ran := command(t), 0
	for _, block := range blocks(readme(t)) {
		for _, shown := range strings.Split(block, "$ bin/remit ")[1:] {
			line, want, _ := strings.Cut(shown, "\n")
			run := exec.Command(remit, strings.Fields(line)...)
			run.Dir = ".."
			got, err := run.Output()
			if found := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &found) || found.ExitCode() != 1) { // 1: findings
				t.Errorf("remit %s: %v", line, err)
			}
			printsInOrder(t, line, string(got), strings.Split("\n"+strings.TrimRight(want, "\n"), "\n…\n"))
			ran++
		}
	}
	if ran == 0 {
		t.Error("the README shows no command, so nothing was compared")
	}
}

// printsInOrder: the text begins with the first part, and holds the others, line by line,
// one after another.
func printsInOrder(t *testing.T, line, text string, parts []string) {
	t.Helper()
	begins := strings.TrimPrefix(parts[0], "\n")
	if !strings.HasPrefix(text, begins) {
		t.Errorf("remit %s prints something else than the README shows:\n%s", line, firstDifference(begins, text))
		return
	}
	rest := text[len(begins):]
	for _, part := range parts[1:] {
		_, after, found := strings.Cut(rest, "\n"+part+"\n")
		if !found {
			t.Errorf("remit %s does not print, where the README shows it:\n%s", line, part)
			return
		}
		rest = "\n" + after
	}
}

func TestTheReadmesRoleIsTheGoldenOne(t *testing.T) {
	found := false
	for _, block := range blocks(readme(t)) {
		if !strings.HasPrefix(block, "role /remit/") {
			continue
		}
		found = true
		if !anyGoldenHolds(t, block) {
			t.Errorf("no golden file holds the role that the README shows:\n%s", block)
		}
	}
	if !found {
		t.Error("the README shows no role")
	}
}

func anyGoldenHolds(t *testing.T, block string) bool {
	t.Helper()
	files, _ := filepath.Glob("golden/*/*/*.iam")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), block) {
			return true
		}
	}
	return false
}

func TestTheReadmesStoryIsTheOneThatIsTold(t *testing.T) {
	told, err := os.ReadFile("story/meridian.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks(readme(t)) {
		if strings.HasPrefix(block, "# an underwriter") && strings.HasPrefix(string(told), block) {
			return
		}
	}
	t.Error("the README's story is not how the told one begins")
}

func TestThePagesLinkToWhatExists(t *testing.T) {
	for _, page := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "agents/README.md", "docs/agent-contract.md", "docs/findings.md", "emulator/README.md"} {
		text, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}

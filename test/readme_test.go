package test

import (
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

func TestTheReadmesCommandsPrintWhatItShows(t *testing.T) {
	remit := filepath.Join(t.TempDir(), "remit")
	if out, err := exec.Command("go", "build", "-o", remit, "remit/cmd/remit").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ran := 0
	for _, block := range blocks(readme(t)) {
		for _, shown := range strings.Split(block, "$ bin/remit ")[1:] {
			command, want, _ := strings.Cut(shown, "\n")
			run := exec.Command(remit, strings.Fields(command)...)
			run.Dir = ".."
			got, err := run.Output()
			if err != nil {
				t.Errorf("remit %s: %v", command, err)
			}
			if !strings.HasPrefix(string(got), strings.TrimRight(want, "\n")) {
				t.Errorf("remit %s prints something else than the README shows:\n%s", command, firstDifference(strings.TrimRight(want, "\n"), string(got)))
			}
			ran++
		}
	}
	if ran == 0 {
		t.Error("the README shows no command, so nothing was compared")
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
	for _, page := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "agents/README.md", "docs/agent-contract.md", "emulator/README.md"} {
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

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"remit/test/absent"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"remit": main})
}

// TestStories runs testdata/*.txt: what a person types, and what the terminal shows. The
// worked companies lie in $COMPANIES.
func TestStories(t *testing.T) {
	told(t, "testdata")
}

// TestStoriesOfAFilesHistory runs those that need git.
func TestStoriesOfAFilesHistory(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		absent.Skip(t, "nothing was promoted through its history", err)
	}
	told(t, "testdata/history")
}

func told(t *testing.T, dir string) {
	t.Helper()
	companies, err := filepath.Abs("../../environments")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           dir,
		UpdateScripts: os.Getenv("UPDATE") != "",
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"seal": seal},
		Setup: func(env *testscript.Env) error {
			env.Setenv("COMPANIES", companies)
			env.Values[signersOf{}] = keysFor(t, env.WorkDir)
			return nil
		},
	})
}

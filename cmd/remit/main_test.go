package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"remit": main})
}

// TestStories runs testdata/*.txt: what a person types, and what the terminal shows. The
// worked companies lie in $COMPANIES.
func TestStories(t *testing.T) {
	companies, err := filepath.Abs("../../environments")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("COMPANIES", companies)
			return nil
		},
	})
}

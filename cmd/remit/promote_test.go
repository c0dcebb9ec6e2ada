package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"remit/promotion"
)

// copied is a declaration of meridian that may be edited.
func copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../environments/meridian")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAFileThatSomebodyChangesMeanwhileIsNotWritten(t *testing.T) {
	dir := copied(t)
	s, err := openEnvironment("prod", "loan-processor", []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	theirs := append([]byte("# theirs\n"), s.text...)
	if err := os.WriteFile(s.path, theirs, 0o644); err != nil {
		t.Fatal(err)
	}
	err = s.write([]byte("ours"))
	if want := s.shown + ": somebody changed it meanwhile, so nothing is written; run this again"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if got, _ := os.ReadFile(s.path); string(got) != string(theirs) {
		t.Errorf("their change is lost:\n%s", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".remit-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestAWrittenFileKeepsItsModeAndItsLink(t *testing.T) {
	dir, elsewhere := copied(t), t.TempDir()
	target, link := filepath.Join(elsewhere, "prod.yaml"), filepath.Join(dir, "prod.yaml")
	if err := os.Rename(link, target); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(target, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	s, err := openEnvironment("prod", "loan-processor", []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.write([]byte("ours")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(target)
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("the file's mode is %v (%v)", info.Mode(), err)
	}
	if to, err := os.Readlink(link); err != nil || to != target {
		t.Errorf("the link leads to %q (%v)", to, err)
	}
	if got, _ := os.ReadFile(target); string(got) != "ours" {
		t.Errorf("it holds %q", got)
	}
}

func TestAnEditThatWouldSaySomethingElseIsNotWritten(t *testing.T) {
	s, err := openEnvironment("prod", "loan-processor", []string{copied(t)})
	if err != nil {
		t.Fatal(err)
	}
	more := []byte(strings.Replace(string(s.text), "share: 5%", "share: 6%", 1))
	canary, _ := laneOf(s.lanes, "canary")
	for _, edit := range []promotion.Edit{{}, {Agent: "loan-processor", Gone: "canary"}, {Agent: "loan-processor", Lane: canary}} {
		if _, err := s.as(edit, more); err == nil {
			t.Errorf("%+v is taken for another share", edit)
		}
	}
	canary.Share = 6
	if _, err := s.as(promotion.Edit{Agent: "loan-processor", Lane: canary}, more); err != nil {
		t.Errorf("another share is not taken for itself: %v", err)
	}
}

func TestGoingBackWithoutGitSaysSo(t *testing.T) {
	dir := copied(t)
	t.Setenv("PATH", "")
	var out, errOut strings.Builder
	code := run([]string{"promote", "--back", "prod", "loan-processor", "stable", dir}, &out, &errOut)
	if want := "remit: --back reads the file's history with git, which is not installed; install it, or edit the file by hand\n"; code != findings || errOut.String() != want || out.String() != "" {
		t.Errorf("%d, %q, %q", code, errOut.String(), out.String())
	}
}

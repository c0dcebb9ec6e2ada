// Package rehearsal takes releases of a small company from a commit to prod on an embedded AWS:
// the steps of the pipeline as they are declared, the gate and the hooks that ship, the stock CDK
// CLI. CodePipeline, CodeBuild and CloudFormation's hooks do not run there; see cloud_test.go and
// walk_test.go for what stands in their place.
package rehearsal

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"remit/platform/load"
	"remit/terms"
	"remit/test/absent"
)

var update = flag.Bool("update", false, "rewrite story.txt instead of comparing with it")

// open is the company on the day it begins: everything an administrator installs, and one commit.
func open(t *testing.T) *house {
	t.Helper()
	if _, err := exec.LookPath("../../node_modules/.bin/cdk"); err != nil {
		absent.Skip(t, "no release was taken through the pipeline", "the CDK CLI is not installed; run tools/install npm python")
	}
	p, err := load.Dir("company", terms.Date(time.Now().UTC().Format(time.DateOnly)))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, dir: t.TempDir(), cloud: startCloud(t, p)}
	for _, dir := range []string{"repository/quarry", "evaluations"} {
		if err := os.MkdirAll(filepath.Join(h.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(h.repository(), "quarry"), os.DirFS("company")); err != nil {
		t.Fatal(err)
	}
	h.must(h.repository(), nil, "git", "init", "-q")
	h.build()
	h.install()
	return h
}

func TestReleasesGoFromCommitToProdThroughTheGateAndInNoOtherWay(t *testing.T) {
	h := open(t)
	h.first()
	h.tell(t)
}

func (h *house) first() {
	h.say("# The first release: nothing runs, so everybody has to agree")
	h.commit("ana", "begin")
	h.measure(nil)
	r := h.start()
	if err := r.walk(); !errors.Is(err, errWaits) {
		h.t.Errorf("the first release: %v", err)
	}
	_ = r.says("ines", "approve", "security", "")
	_ = r.says("awa", "approve", "model_risk", "")
	if err := r.walk(); err != nil {
		h.t.Errorf("the first release, agreed to: %v", err)
	}
}

// tell compares the story with the one that was read.
func (h *house) tell(t *testing.T) {
	t.Helper()
	if *update {
		if err := os.WriteFile("story.txt", []byte(h.story.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile("story.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != h.story.String() {
		t.Errorf("the story is another one; read it, and if it is meant run go test ./test/rehearsal -update:\n%s", h.story.String())
	}
}

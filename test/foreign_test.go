package test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// foreign are templates that this project did not write, by the golden text of what verify
// says of them: the stock bootstrap as the pinned CLI carries it, and what test/foreign/remake
// made of AWS's libraries.
var foreign = map[string][]string{
	"agentcore-cdk":     {"--account", "111122223333", "--region", "us-east-1", "test/foreign/agentcore-cdk.template.json"},
	"gateway-l2":        {"--account", "111122223333", "--region", "us-east-1", "test/foreign/gateway-l2.template.json"},
	"memory-runtime-l2": {"--account", "111122223333", "--region", "us-east-1", "test/foreign/memory-runtime-l2.template.json"},
	"stock-bootstrap":   {"--account", "444444444443", "--region", "us-east-1", "node_modules/aws-cdk/lib/api/bootstrap/bootstrap-template.yaml"},
}

var counted = regexp.MustCompile(`(?m)^(\d+) found\n  in this world: (\d+) rules over (\d+) roles, (\d+) policies, (\d+) resources$`)

// TestGoldenFindingsInTemplatesOfOthersAreWhatWasRead compares every finding with the text
// that docs/findings.md explains, and its numbers with the page's.
func TestGoldenFindingsInTemplatesOfOthersAreWhatWasRead(t *testing.T) {
	page, err := os.ReadFile("../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	remit, written := command(t), map[string]bool{}
	for name, arguments := range foreign {
		got := verified(t, remit, arguments)
		golden(t, written, filepath.Join("foreign", name+".txt"), got)
		n := counted.FindStringSubmatch(got)
		if n == nil {
			t.Errorf("%s: no count of findings in\n%s", name, got)
			continue
		}
		if sentence := n[1] + " findings by " + n[2] + " rules over " + n[3] + " roles"; !strings.Contains(string(page), sentence) {
			t.Errorf("docs/findings.md does not say of %s: %s", name, sentence)
		}
	}
}

// command is the built command line.
func command(t *testing.T) string {
	t.Helper()
	remit := filepath.Join(t.TempDir(), "remit")
	if out, err := exec.Command("go", "build", "-o", remit, "remit/cmd/remit").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return remit
}

// verified is what verify prints where something is found.
func verified(t *testing.T, remit string, arguments []string) string {
	t.Helper()
	run := exec.Command(remit, append([]string{"verify"}, arguments...)...)
	run.Dir = ".."
	out, err := run.Output()
	if failed := (*exec.ExitError)(nil); !errors.As(err, &failed) || failed.ExitCode() != 1 {
		t.Fatalf("verify %v: %v, want findings and exit code 1\n%s", arguments, err, out)
	}
	return string(out)
}

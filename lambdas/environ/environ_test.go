package environ

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"remit/policy"
	"remit/terms"
)

// panicked is what a function's start says before it dies, "" when it goes on.
func panicked(start func()) (says string) {
	defer func() {
		if cause := recover(); cause != nil {
			says = fmt.Sprint(cause)
		}
	}()
	start()
	return ""
}

func TestAFunctionWithoutItsSettingsDoesNotStart(t *testing.T) {
	t.Setenv("REMIT_LEDGER", "acme-ledger")
	t.Setenv("REMIT_EMPTY", "")
	if got := Must("REMIT_LEDGER"); got != "acme-ledger" {
		t.Errorf("got %q", got)
	}
	for _, name := range []string{"REMIT_EMPTY", "REMIT_NEVER_SET"} {
		if says := panicked(func() { Must(name) }); !strings.Contains(says, name) {
			t.Errorf("without %s the function goes on, or nobody learns what it lacks: %q", name, says)
		}
	}
	if says := panicked(func() { Or(7, errors.New("no keys")) }); says != "no keys" {
		t.Errorf("a function that cannot get ready says %q", says)
	}
	if got := Or(7, nil); got != 7 {
		t.Errorf("got %d", got)
	}
}

func TestADocumentIsReadFromTheZipOrItsLackIsNamed(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("LAMBDA_TASK_ROOT", dir)
	if text, err := Document("entrance.json"); err == nil || text != nil || !strings.Contains(err.Error(), "entrance.json") {
		t.Errorf("%q, %v", text, err)
	}
	put(t, filepath.Join(dir, "entrance.json"), []byte("{}"))
	if text, err := Document("entrance.json"); err != nil || string(text) != "{}" {
		t.Errorf("%q, %v", text, err)
	}
}

func put(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestABundleIsKnownByTheDigestOfItsBytes(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("LAMBDA_TASK_ROOT", dir)
	if bundle, _, err := Bundle(); err == nil {
		t.Errorf("no bundle is deployed, and a lane decides by %+v", bundle)
	}
	lane := terms.Lane{Platform: "acme", Environment: "test", Agent: "helper", Name: "stable"}
	b := policy.Bundle{Format: policy.Format, Lane: lane, Day: "UTC", Callers: []string{"clerk"}, Purposes: []string{"ordering"}, Tools: map[string]*policy.Tool{}, Constraints: []policy.Constraint{}}
	text, err := b.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "bundle.json"), text)
	loaded, digest, err := Bundle()
	if err != nil || loaded.Lane != lane || digest != policy.DigestOf(text) {
		t.Errorf("%+v, %s, %v", loaded, digest, err)
	}
	for name, broken := range map[string]string{
		"cut": string(text[:len(text)-1]), "with more behind": string(text) + "{}", "another format": strings.Replace(string(text), `"format":1`, `"format":2`, 1), "with an unknown key": `{"allow_all":true,` + string(text[1:]),
	} {
		put(t, filepath.Join(dir, "bundle.json"), []byte(broken))
		if bundle, _, err := Bundle(); err == nil {
			t.Errorf("a bundle that is %s is in force: %+v", name, bundle)
		}
	}
}

func TestANoteIsOneLineWhateverItHolds(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = w
	Note("REF1", "first\n{\"level\":\"WARN\",\"reference\":\"FORGED\"}\x00\u2028")
	os.Stderr = before
	_ = w.Close()
	text, err := io.ReadAll(r)
	if err != nil || strings.Count(string(text), "\n") != 1 {
		t.Fatalf("a reason can forge lines of the log: %q, %v", text, err)
	}
	var line struct{ Level, Msg, Reference, Why string }
	if err := json.Unmarshal(text, &line); err != nil || line.Level != "WARN" || line.Msg != "refused" || line.Reference != "REF1" || !strings.HasPrefix(line.Why, "first\n") {
		t.Errorf("%q, %v", text, err)
	}
}

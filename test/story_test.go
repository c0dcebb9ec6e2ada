package test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// served is a remit dev of a company, and what it said when it was ready.
type served struct {
	Base   string            `json:"base"`
	Logins map[string]string `json:"logins"`
	log    *bytes.Buffer
}

// serve runs the built command on a free loopback port until the test ends.
func serve(t *testing.T, company string) served {
	t.Helper()
	remit := filepath.Join(t.TempDir(), "remit")
	if out, err := exec.Command("go", "build", "-o", remit, "remit/cmd/remit").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := served{log: &bytes.Buffer{}}
	dev := exec.Command(remit, "dev", "../environments/"+company, "--port", "0", "--json")
	dev.Stderr = s.log
	out, err := dev.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = dev.Process.Kill() // it has nothing to save
		_ = dev.Wait()         // a killed process reports its death as an error
		if t.Failed() {
			t.Logf("what remit dev said:\n%s", s.log)
		}
	})
	if err := json.NewDecoder(out).Decode(&s); err != nil {
		t.Fatalf("remit dev did not start: %v", err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // an unread pipe would stop it
	return s
}

// TestTheStoriesHoldForAClientWeDidNotWrite tells each story in story/ to a remit dev
// through the official MCP TypeScript client. The text beside a story is what agent and
// user see; -update rewrites it.
func TestTheStoriesHoldForAClientWeDidNotWrite(t *testing.T) {
	files, _ := filepath.Glob("story/*.json")
	if len(files) == 0 {
		t.Fatal("there is no story")
	}
	for _, file := range files {
		company := filepath.Base(file[:len(file)-len(".json")])
		t.Run(company, func(t *testing.T) { tell(t, company, file) })
	}
}

func tell(t *testing.T, company, file string) {
	s := serve(t, company)
	steps, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(map[string]any{"base": s.Base, "logins": s.Logins, "steps": json.RawMessage(steps)})
	if err != nil {
		t.Fatal(err)
	}
	story := exec.Command("node", "story/story.mjs")
	story.Stdin = bytes.NewReader(input)
	var complaint bytes.Buffer
	story.Stderr = &complaint
	got, err := story.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &complaint)
	}
	want := file[:len(file)-len("json")] + "txt"
	if *update {
		if err := os.WriteFile(want, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(got) {
		t.Errorf("the story went otherwise:\n%s", firstDifference(string(text), string(got)))
	}
}

package conformance

import (
	"bufio"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"remit/iam"
	"remit/test/absent"
)

// TestAnotherEngineDecidesTheSame asks @cloud-copilot/iam-simulate about seeded random
// cases: 2,000, or with REMIT_CONFORMANCE=1 a million, or REMIT_CASES of them. Every
// disagreement must be one that AWS's documentation explains: see disagreements.
func TestAnotherEngineDecidesTheSame(t *testing.T) {
	tools, err := filepath.Abs("../../.tools/iam-simulate")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(tools, "node_modules/@cloud-copilot/iam-simulate")); err != nil {
		absent.Skip(t, "no other engine judged a case", "iam-simulate is not installed; run test/conformance/install engine")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		absent.Skip(t, "no other engine judged a case", "there is no node to run it")
	}
	e := start(t, node, tools)
	cases, seed := cases(t)
	go e.ask(cases, seed)
	tally := map[string]int{}
	m := maker{rand.New(rand.NewPCG(seed, 1))}
	for range cases {
		c := m.example()
		theirs := e.answer(t)
		if theirs.Error != "" {
			tally["refused by the engine"]++
			continue
		}
		ours := c.world.Eval(c.request)
		if agree(ours, theirs.Result) {
			tally["agree: "+ours.String()]++
			continue
		}
		row := explained(c, theirs.Result)
		if row == "" {
			text, _ := json.Marshal(c.simulation())
			t.Errorf("Remit says %v, iam-simulate says %s, and no row explains it:\n%s\n%+v", ours, theirs.Result, text, c.world.Explain(c.request))
			if tally["unexplained"]++; tally["unexplained"] > 5 {
				t.FailNow()
			}
			continue
		}
		tally["explained: "+row]++
	}
	for what, n := range tally {
		t.Logf("%8d %s", n, what)
	}
	if tally["agree: allow"] < cases/20 || tally["agree: deny"] < cases/20 {
		t.Errorf("the cases no longer reach both verdicts: %v", tally)
	}
}

func cases(t *testing.T) (n int, seed uint64) {
	t.Helper()
	n, seed = 2_000, 1
	if os.Getenv("REMIT_CONFORMANCE") == "1" {
		n = 1_000_000
	}
	for name, into := range map[string]func(int){"REMIT_CASES": func(v int) { n = v }, "REMIT_SEED": func(v int) { seed = uint64(v) }} {
		if text := os.Getenv(name); text != "" {
			v, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			into(v)
		}
	}
	return n, seed
}

func agree(ours iam.Verdict, theirs string) bool {
	return ours == iam.Allowed && theirs == "Allowed" || ours == iam.Denied && theirs != "Allowed"
}

// engine is one long-lived process of the other implementation.
type engine struct {
	in  io.WriteCloser
	out *json.Decoder
}

type reply struct{ Result, Error string }

func start(t *testing.T, node, tools string) *engine {
	t.Helper()
	process := exec.Command(node, "simulate.mjs", tools)
	process.Stderr = os.Stderr
	in, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := process.Wait(); err != nil && !t.Failed() {
			t.Errorf("the engine: %v", err)
		}
	})
	return &engine{in, json.NewDecoder(bufio.NewReaderSize(out, 1<<20))}
}

// ask writes the cases; the same seed lets the reader make them again instead of keeping
// them.
func (e *engine) ask(cases int, seed uint64) {
	m := maker{rand.New(rand.NewPCG(seed, 1))}
	out := bufio.NewWriterSize(e.in, 1<<20)
	encoder := json.NewEncoder(out)
	for range cases {
		if encoder.Encode(m.example().simulation()) != nil {
			return
		}
	}
	_ = out.Flush()
	_ = e.in.Close()
}

func (e *engine) answer(t *testing.T) reply {
	t.Helper()
	var r reply
	if err := e.out.Decode(&r); err != nil {
		t.Fatalf("the engine stopped answering: %v", err)
	}
	return r
}

package rehearsal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"remit/artifact"
	"remit/attest"
	"remit/identity"
	"remit/lambdas/gate"
	"remit/lambdas/person"
	"remit/lambdas/signing"
	"remit/pipeline"
	"remit/platform"
	"remit/shelf"
	"remit/shelf/bucket"
)

// house is a company with its repositories, its cloud and its pipeline, which is walked here step
// by step: CodePipeline and CodeBuild do not run on this machine, so this runs the same commands
// in the same order, and answers the gate where CodePipeline would.
type house struct {
	*cloud
	t     *testing.T
	dir   string
	tools string
	runs  int
	story strings.Builder

	gate    *gate.Gate
	last    *run // the run that was started last
	ran     *run // one that came to its end
	waiting gate.Run
	answer  string // what the pipeline was answered
}

func (h *house) say(format string, values ...any) {
	fmt.Fprintf(&h.story, format+"\n", values...)
}

// command runs something and answers what it printed.
func (h *house) command(dir string, env []string, name string, arguments ...string) (string, error) {
	c := exec.Command("bash", append([]string{"-c", `exec "$0" "$@"`, name}, arguments...)...) // which looks in the path of env
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	return string(out), err
}

func (h *house) must(dir string, env []string, name string, arguments ...string) string {
	h.t.Helper()
	out, err := h.command(dir, env, name, arguments...)
	if err != nil {
		h.t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, out)
	}
	return out
}

// build makes the tools that an administrator pins: remit, what synthesizes, and the functions.
func (h *house) build() {
	root, err := filepath.Abs("../..")
	if err != nil {
		h.t.Fatal(err)
	}
	h.tools = filepath.Join(h.dir, "tools")
	h.must(root, nil, "go", "build", "-o", h.tools+"/", "./cmd/remit")
	h.must(root, nil, "go", "build", "-o", filepath.Join(h.tools, "remit-app"), ".")
	h.must(root, nil, "go", "run", "./artifact/build")
	functions := filepath.Join(h.tools, "lambdas")
	if err := os.MkdirAll(functions, 0o755); err != nil {
		h.t.Fatal(err)
	}
	zips, _ := filepath.Glob(filepath.Join(root, artifact.Dir, "*.zip"))
	for _, zip := range zips {
		content, err := os.ReadFile(zip)
		if err == nil {
			err = os.WriteFile(filepath.Join(functions, filepath.Base(zip)), content, 0o644)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

// environment is what every step finds.
func (h *house) environment(account string) []string {
	root, _ := filepath.Abs("../..")
	return []string{
		"PATH=" + h.tools + ":" + filepath.Join(root, "node_modules/node/bin") + ":" + filepath.Join(root, "node_modules/.bin") + ":" + os.Getenv("PATH"),
		"AWS_ACCESS_KEY_ID=" + account, "AWS_SECRET_ACCESS_KEY=embedded", "AWS_SESSION_TOKEN=", "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL=" + h.url, "CDK_DISABLE_CLI_TELEMETRY=1", "CDK_VALIDATION=false",
		"REMIT_FUNCTIONS=" + filepath.Join(h.tools, "lambdas"), pipeline.Tools + "=" + h.tools, pipeline.Source + "=" + h.repository(), pipeline.Evaluation + "=" + filepath.Join(h.dir, "evaluations"),
	}
}

func (h *house) repository() string { return filepath.Join(h.dir, "repository") }

func (h *house) account(purpose string) string { return string(h.p.SharedSite(purpose).Account) }

// install is what an administrator does once: bootstraps, the pipeline, the hooks, the guardrails.
func (h *house) install() {
	company, _ := filepath.Abs("company")
	assembly := filepath.Join(h.dir, "administration")
	h.must(h.dir, h.environment("0"), "cdk", "synth", "--quiet", "--no-notices", "--app", "remit-app", "-c", "platform="+company, "-o", assembly)
	for line := range strings.Lines(h.must(h.dir, h.environment("0"), "remit", "accounts", company)) {
		f := strings.Fields(line)
		template := filepath.Join(h.dir, f[2]+".json")
		if err := os.WriteFile(template, []byte(h.must(h.dir, h.environment(f[2]), "remit", "bootstrap", f[0], f[1], company)), 0o644); err != nil {
			h.t.Fatal(err)
		}
		h.must(h.dir, h.environment(f[2]), "cdk", "bootstrap", "aws://"+f[2]+"/"+f[3], "--no-notices", "--template", template, "--qualifier", "remit", "--toolkit-stack-name", f[5], "--app", assembly)
		switch {
		case f[0] == "shared":
			h.must(h.dir, h.environment(f[2]), "cdk", "deploy", f[4]+"/**", "--no-notices", "--app", assembly, "--require-approval", "never")
		case f[6] != "-":
			h.must(h.dir, h.environment(f[2]), "cdk", "deploy", f[6], "--no-notices", "--app", assembly, "--require-approval", "never")
		}
	}
	h.guard()
	site := h.p.SharedSite(platform.Pipeline)
	signer, err := signing.New(h.t.Context(), kms.NewFromConfig(h.config(string(site.Account))), site.SignerAlias(attest.Gate), identity.ES256)
	if err != nil {
		h.t.Fatal(err)
	}
	h.gate = &gate.Gate{
		Platform: h.p.Name, Shelf: h.shelf(), Keys: h.keys(), Signer: signer, Pipeline: h, Role: site.Role(platform.Pipeline, "approver"),
		Identify: func(r *http.Request) person.Identity { return person.Identity{ARN: r.Header.Get("Verified")} },
		Note:     func(string, string) {}, Now: func() time.Time { return h.clock() },
	}
}

func (h *house) shelf() shelf.Shelf {
	site := h.p.SharedSite(platform.Pipeline)
	return shelf.Shelf{Store: bucket.Store{Client: h.s3(string(site.Account)), Name: site.ShelfBucket(), Owner: string(site.Account)}}
}

// Waiting and Answer stand for CodePipeline, which does not run here.
func (h *house) Waiting(context.Context, string) (gate.Run, error) { return h.waiting, nil }

func (h *house) Answer(_ context.Context, _ string, _ gate.Run, open bool, why string) error {
	h.answer, h.waiting = "refused: "+why, gate.Run{}
	if open {
		h.answer = "open: " + why
	}
	return nil
}

// commit changes files of the declaration, as somebody, and answers nothing: the branch moves.
func (h *house) commit(who, says string, edits ...edit) {
	h.t.Helper()
	h.change(filepath.Join(h.repository(), "quarry"), edits...)
	h.must(h.repository(), nil, "git", "add", "-A")
	h.must(h.repository(), nil, "git", "-c", "user.name="+who, "-c", "user.email="+who+"@quarry.example", "commit", "-q", "-m", says)
}

// change edits files of a declaration.
func (h *house) change(dir string, edits ...edit) {
	h.t.Helper()
	for _, e := range edits {
		path := filepath.Join(dir, e.file)
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(e.old)) {
			h.t.Fatalf("%s has no %q: %v", e.file, e.old, err)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte(e.old), []byte(e.now)), 0o644); err != nil {
			h.t.Fatal(err)
		}
	}
}

type edit struct{ file, old, now string }

// measure is what the evaluation will find, from now on.
func (h *house) measure(change func(map[string]any)) {
	result := map[string]any{}
	text := fmt.Sprintf(`{"at": %q, "data": {"id": "golden-7", "profile": {"cover": {"fire": 0.5, "flood": 0.5}}},
		"scores": {"task_success": 93, "refusal_correct": 99.5}, "reference": {"id": "prod-week-47", "profile": {"cover": {"fire": 0.5, "flood": 0.5}}}}`, h.clock().UTC().Format(time.RFC3339))
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		h.t.Fatal(err)
	}
	if change != nil {
		change(result)
	}
	written, _ := json.Marshal(result)
	if err := os.WriteFile(filepath.Join(h.dir, "evaluations", "result.json"), written, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// run is one execution of the pipeline.
type run struct {
	*house
	id      string
	release string
	env     []string
	next    []step // what is left of it
	all     []step
}

type step struct {
	pipeline.Step
	stage string
}

// start begins an execution at the branch's head.
func (h *house) start() *run {
	h.runs++
	r := &run{house: h, id: fmt.Sprintf("run-%d", h.runs)}
	r.release = filepath.Join(h.dir, r.id)
	revision := strings.TrimSpace(h.must(h.repository(), nil, "git", "rev-parse", "HEAD"))
	r.env = append(h.environment(h.account(platform.Pipeline)), pipeline.Execution+"="+r.id, pipeline.Release+"="+r.release, pipeline.Revision+"="+revision, pipeline.Result+"="+filepath.Join(h.dir, r.id+".json"))
	for _, stage := range pipeline.Of(h.p) {
		for _, s := range stage.Steps {
			r.next = append(r.next, step{s, stage.Name})
		}
	}
	r.all = slices.Clone(r.next)
	h.last = r
	return r
}

var errWaits = errors.New("it waits")

// walk takes steps until the run is over, waits for people or is refused.
func (r *run) walk() error {
	r.t.Helper()
	for len(r.next) > 0 {
		if err := r.step(r.next[0]); err != nil {
			return err
		}
		r.next = r.next[1:]
	}
	r.say("  %s: done", r.id)
	return nil
}

func (r *run) step(s step) error {
	if s.Kind == pipeline.Approve {
		return r.comeTo(s.Environment)
	}
	out, err := r.command(r.dir, r.env, "bash", "-c", "set -euo pipefail\n"+strings.Join(s.Commands, "\n"))
	if err != nil {
		why := reason(out)
		r.say("  %-16s refused: %s", s.Name, why)
		return errors.New(why)
	}
	r.say("  %-16s %s", s.Name, outcome(s.Kind, out))
	return nil
}

// comeTo has the gate look at the run, as CodePipeline's notice does.
func (r *run) comeTo(environment string) error {
	r.waiting, r.answer = gate.Run{Execution: r.id, Token: "token-" + r.id}, ""
	stands, err := r.gate.Waits(r.t.Context(), environment, r.id)
	if r.answer == "" {
		r.say("  gate of %s     waits for %s", environment, waits(stands.Waits))
		return errWaits
	}
	r.say("  gate of %s     %s", environment, plain(r.answer))
	if err != nil || !stands.Open {
		return errors.New(r.answer)
	}
	return nil
}

func waits(on map[string][]string) string {
	var out []string
	for class, people := range on {
		out = append(out, cmp.Or(class, "any approver")+" ("+strings.ReplaceAll(strings.Join(people, ", "), "@quarry.example", "")+")")
	}
	slices.Sort(out)
	return strings.Join(out, " and ")
}

// says has a person speak at the gate, and goes on if that opened it.
func (r *run) says(who, verb, class, why string) error {
	body, _ := json.Marshal(gate.Asked{Environment: r.next[0].Environment, Execution: r.id, Class: class, Why: why})
	q := httptest.NewRequest(http.MethodPost, "/"+verb, bytes.NewReader(body))
	q.Header.Set("Verified", "arn:aws:sts::"+r.account(platform.Pipeline)+":assumed-role/quarry-pipeline-approver/"+who+"@quarry.example")
	w := httptest.NewRecorder()
	r.answer = ""
	r.gate.Handler().ServeHTTP(w, q)
	var said struct{ Error string }
	_ = json.Unmarshal(w.Body.Bytes(), &said)
	if w.Code != http.StatusOK {
		r.say("  %s %ss for %s: %s", who, verb, class, plain(said.Error))
		return errors.New(said.Error)
	}
	r.say("  %s %ss for %s: %s", who, verb, class, plain(cmp.Or(r.answer, "heard")))
	if strings.HasPrefix(r.answer, "open") {
		r.next = r.next[1:]
	}
	return nil
}

// outcome is what a step's output amounts to, in one line.
func outcome(kind pipeline.Kind, out string) string {
	if kind != pipeline.Judge {
		return "ok"
	}
	var lines []string
	for line := range strings.Lines(out) {
		switch f := strings.Fields(line); {
		case len(f) > 1 && f[0] == "class":
			lines = append([]string{strings.Join(f[1:], " ")}, lines...)
		case strings.HasPrefix(line, "    ") && len(f) > 1, strings.HasPrefix(line, "remit: warning"):
			lines = append(lines, strings.Join(f, " "))
		}
	}
	return plain(strings.Join(lines, "\n                   "))
}

// reason is the sentence of a step that failed.
func reason(out string) string {
	var last string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "Remit: ") {
			return plain(line[strings.Index(line, "Remit: "):])
		}
		if strings.HasPrefix(line, "remit: ") {
			last = line
		}
	}
	if last == "" {
		last = out
	}
	return plain(last)
}

var digests = regexp.MustCompile(`\b[0-9a-f]{12}([0-9a-f]{28}|[0-9a-f]{52})?\b`)

// plain is a text without digests and times, which differ from run to run.
func plain(text string) string {
	text = digests.ReplaceAllString(text, "…")
	text = strings.ReplaceAll(text, "@quarry.example", "")
	return regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:]+Z`).ReplaceAllString(text, "<time>")
}

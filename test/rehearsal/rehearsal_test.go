// Package rehearsal takes releases of a small company from a commit to prod on an embedded AWS:
// the steps of the pipeline as they are declared, the gate and the hooks that ship, the stock CDK
// CLI. CodePipeline, CodeBuild and CloudFormation's hooks do not run there; see cloud_test.go and
// walk_test.go for what stands in their place.
package rehearsal

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"remit/assembly"
	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/platform/load"
	"remit/shelf"
	"remit/shelf/bucket"
	"remit/shelf/shelftest"
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
	h.prompt()
	h.newTool()
	h.oldRulesHold()
	h.whoLeft()
	h.rollback()
	h.tell(t)
	t.Run("and a bucket that is served is a shelf's store", func(t *testing.T) {
		account, name := h.account(platform.Pipeline), "suite"
		if _, err := h.s3(account).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
			t.Fatal(err)
		}
		shelftest.Run(t, bucket.Store{Client: h.s3(account), Name: name, Owner: account})
	})
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

const (
	firstPrompt  = "d538e793932724d893c92a764c3aaa11d4c2ac9452d7b5862e674cfec1cab11e"
	secondPrompt = "a54011c87035ce5c1cfa448aab4896d4d399d275239ccc456d8cb74b9322f1f8"
)

// everywhere is the same edit of every environment's file.
func everywhere(old, now string) []edit {
	return []edit{{"dev.yaml", old, now}, {"stage.yaml", old, now}, {"prod.yaml", old, now}}
}

func (h *house) prompt() {
	h.say("# A prompt: nobody is asked")
	h.commit("ana", "another prompt", everywhere(firstPrompt, secondPrompt)...)
	h.measure(nil)
	if err := h.start().walk(); err != nil {
		h.t.Errorf("a prompt: %v", err)
	}
	h.ran = h.last

	h.say("# What an evaluation has to show")
	r := h.again()
	h.refused(r, "judge-prod", nil, "was not evaluated in stage, and prod asks for an evaluation")
	for _, c := range []struct {
		says   string
		change func(map[string]any)
		why    string
	}{
		{"low", func(e map[string]any) { e["scores"].(map[string]any)["task_success"] = 89 }, "task_success is 89%, below 90%"},
		{"stale", func(e map[string]any) { e["at"] = time.Now().Add(-15 * 24 * time.Hour).UTC().Format(time.RFC3339) }, "older than the 14d that are allowed"},
		{"drifted", func(e map[string]any) {
			e["reference"].(map[string]any)["profile"] = map[string]any{"cover": map[string]any{"fire": 0.9, "flood": 0.1}}
		}, "more than the 25% that are bearable"},
	} {
		h.say(" %s:", c.says)
		h.refused(h.again(), "judge-prod", c.change, c.why)
	}
	h.say(" somewhat drifted, and one score lower than that of what runs:")
	h.measure(func(e map[string]any) {
		e["scores"].(map[string]any)["task_success"] = 92
		e["reference"].(map[string]any)["profile"] = map[string]any{"cover": map[string]any{"fire": 0.7, "flood": 0.3}}
	})
	r = h.again()
	h.done(r, "evaluate-prod")
	h.done(r, "judge-prod")
	if err := h.take(r, "approve-prod"); !errors.Is(err, errWaits) {
		h.t.Errorf("a score that fell: %v", err)
	}
	h.say(" an artifact that skipped stage:")
	h.commit("ana", "a prompt that nobody tried", everywhere(secondPrompt, firstPrompt)...)
	h.measure(nil)
	r = h.start()
	for _, name := range []string{"test", "synthesize", "judge-dev", "fence-dev", "deploy-dev", "evaluate-prod"} {
		h.done(r, name)
	}
	h.refused(r, "judge-prod", nil, "does not run in stage, and prod takes only what has passed there")
	h.commit("ana", "never mind", everywhere(firstPrompt, secondPrompt)...)
}

// again is another run over the release of the last one that ended.
func (h *house) again() *run {
	last := h.last
	r := h.start()
	for i, v := range r.env {
		if v == "REMIT_RELEASE="+r.release {
			r.env[i] = "REMIT_RELEASE=" + last.release
		}
	}
	r.release = last.release
	return r
}

// take takes one step of a run, wherever the run is.
func (h *house) take(r *run, name string) error {
	h.t.Helper()
	for _, s := range r.all {
		if s.Name == name {
			return r.step(s)
		}
	}
	h.t.Fatalf("the pipeline has no step %s", name)
	return nil
}

// done takes a step that is to succeed.
func (h *house) done(r *run, name string) {
	h.t.Helper()
	if err := h.take(r, name); err != nil {
		h.t.Errorf("%s: %v", name, err)
	}
}

// refused takes a step, after measuring something if that is given, and sees that it is refused.
func (h *house) refused(r *run, name string, measured func(map[string]any), why string) {
	h.t.Helper()
	if measured != nil {
		h.measure(measured)
		if err := h.take(r, "evaluate-prod"); err != nil {
			h.t.Error(err)
		}
	}
	if err := h.take(r, name); err == nil || !strings.Contains(err.Error(), why) {
		h.t.Errorf("%s: %v, not %q", name, err, why)
	}
}

func (h *house) newTool() {
	h.say("# A new tool waits for a named person who did not write it")
	tool := `  price_claim:
    team: claims
    purpose: what one claim is likely to cost
    access: read
    data_class: INTERNAL
    callers: [adjuster]
    input: {type: object, additionalProperties: false, required: [claim], properties: {claim: {type: string, maxLength: 40}}}
    response: {allow: ["$.price"]}
    audit: {input: full, output: full}

agents:`
	edits := append(everywhere("targets:\n", "targets:\n  price_claim: {lambda: {function: price-claim, alias: live}}\n"),
		edit{"platform.yaml", "agents:", tool}, edit{"platform.yaml", "tools: [look_up_policy]", "tools: [look_up_policy, price_claim]"})
	edits = append(edits, edit{"dev.yaml", "function: price-claim, alias: live}", "function: price-claim, alias: live}, mock: {price: 1}"})
	h.commit("tom", "a tool that prices", edits...)
	h.measure(nil)
	r := h.start()
	if err := r.walk(); !errors.Is(err, errWaits) {
		h.t.Errorf("a new tool: %v", err)
	}
	if err := r.says("tom", "approve", "security", ""); err == nil {
		h.t.Error("its author agreed")
	}
	if err := r.says("awa", "approve", "security", ""); err == nil {
		h.t.Error("somebody of another class agreed")
	}
	_ = r.says("ines", "approve", "security", "")
	if r.next[0].Name == "approve-prod" {
		_ = r.says("awa", "approve", "model_risk", "")
	}
	h.oneByte(r)
	if err := r.walk(); err != nil {
		h.t.Errorf("a new tool, agreed to: %v", err)
	}
	h.say("# What ran before is not let in by what was said then")
	h.refused(h.ran, "approve-prod", nil, "start the pipeline again")
	h.past()
}

// oneByte changes one byte of what was agreed to: on the way to the step that deploys it, and in
// the bucket that CloudFormation takes it from. Then it puts it back.
func (h *house) oneByte(r *run) {
	h.say(" one byte of it is changed:")
	dir := filepath.Join(r.release, "assembly", "assembly-quarry-prod")
	key, name := templateOf(h.t, dir, "quarryprodquarryprodclaimshelperstable")
	was, err := os.ReadFile(name)
	if err != nil {
		h.t.Fatal(err)
	}
	changed := []byte(strings.Replace(string(was), "Remit: ", "Remit; ", 1))
	if err := os.WriteFile(name, changed, 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.refused(r, "deploy-prod", nil, "is not whole")
	if err := os.WriteFile(name, was, 0o644); err != nil {
		h.t.Fatal(err)
	}
	prod := h.site("prod")
	at := shelf.Shelf{Store: bucket.Store{Client: h.s3(string(prod.Account)), Name: prod.AssetBucket(), Owner: string(prod.Account)}}
	for _, content := range [][]byte{changed, was} {
		if err := at.Replace(h.t.Context(), key, content); err != nil {
			h.t.Fatal(err)
		}
		if bytes.Equal(content, was) {
			return
		}
		out, err := r.command(r.dir, r.env, "cdk", "deploy", "--app", filepath.Join(r.release, "assembly"), "--exclusively", "--require-approval", "never", "--no-notices", "quarry-prod/quarry-prod-claims-helper-stable")
		h.say("  in the bucket     %s", reason(out))
		if err == nil || !strings.Contains(out, "nothing was attested of this template of quarry-prod-claims-helper-stable") {
			h.t.Errorf("a changed template was deployed: %v\n%s", err, out)
		}
	}
}

// templateOf is a stack's template in a stage's assembly, and the key it is published under.
func templateOf(t *testing.T, dir, beginning string) (key, path string) {
	t.Helper()
	manifests, _ := filepath.Glob(filepath.Join(dir, beginning+"*.assets.json"))
	if len(manifests) != 1 {
		t.Fatalf("%v are manifests of %s", manifests, beginning)
	}
	assets, err := assembly.Assets(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range assets {
		if a.Manifest == filepath.Base(manifests[0]) && strings.HasSuffix(a.Path, ".template.json") {
			return a.Key, filepath.Join(dir, a.Path)
		}
	}
	t.Fatalf("%s publishes no template", manifests[0])
	return "", ""
}

// past is somebody of dev who deploys to prod from their own laptop.
func (h *house) past() {
	h.say("# A developer deploys to prod from a laptop")
	dev, prod := h.site("dev"), h.site("prod")
	person := "arn:aws:iam::" + string(dev.Account) + ":role/Developer"
	world := grants.Intended(h.p, "prod")
	for _, kind := range []string{"deploy", "assets", "fence-deploy"} {
		i := slices.IndexFunc(world.Roles, func(role iam.Role) bool { return string(role.ARN) == prod.BootstrapRole(kind) })
		verdict := world.Roles[i].Trust.Eval(iam.Request{Principal: iam.ARN(person), Action: "sts:AssumeRole", Resource: prod.BootstrapRole(kind), Context: map[string][]string{"aws:PrincipalArn": {person}, "aws:PrincipalAccount": {string(dev.Account)}}})
		h.say("  may they take %s? %s", prod.BootstrapRole(kind)[strings.LastIndex(prod.BootstrapRole(kind), "/")+1:], verdict)
		if verdict == iam.Allowed {
			h.t.Errorf("a developer may take %s", kind)
		}
	}
	mine, declared := filepath.Join(h.dir, "laptop"), filepath.Join(h.dir, "laptop-declaration")
	if err := os.CopyFS(declared, os.DirFS(filepath.Join(h.repository(), "quarry"))); err != nil {
		h.t.Fatal(err)
	}
	h.change(declared, edit{"prod.yaml", "entry: [claims-desk]", "entry: [claims-desk, my-laptop]"})
	h.must(h.dir, h.environment(string(dev.Account)), "cdk", "synth", "--quiet", "--no-notices", "--app", "remit-app", "-c", "release=yes", "-c", "platform="+declared, "-o", mine)
	out, err := h.command(h.dir, h.environment(string(dev.Account)), "cdk", "deploy", "--app", mine, "--exclusively", "--require-approval", "never", "--no-notices", "quarry-prod/quarry-prod-platform")
	h.say("  had they taken it: %s", reason(out))
	if err == nil || !strings.Contains(out, "nothing was attested of this template of quarry-prod-platform") {
		h.t.Errorf("a developer deployed to prod: %v\n%s", err, out)
	}
}

func (h *house) site(environment string) platform.Site {
	e, _ := h.p.Environment(environment)
	return h.p.Site(e, platform.PlatformAccount)
}

func (h *house) oldRulesHold() {
	h.say("# A commit that makes its author an approver and lowers a score is judged by the rules that run")
	h.commit("tom", "ines left; mei and I will look",
		edit{"prod.yaml", "security: [ines@quarry.example, tom@quarry.example]", "security: [mei@quarry.example, tom@quarry.example]"},
		edit{"prod.yaml", "model_risk: [awa@quarry.example]", "model_risk: [awa@quarry.example, tom@quarry.example]"},
		edit{"prod.yaml", "task_success: 90%", "task_success: 80%"})
	h.measure(func(e map[string]any) { e["scores"].(map[string]any)["task_success"] = 85 })
	r := h.start()
	if err := r.walk(); err == nil || !strings.Contains(err.Error(), "task_success is 85%, below 90%") {
		h.t.Errorf("a lowered score: %v", err)
	}
	h.last = r
	h.measure(nil)
	r = h.again()
	h.done(r, "evaluate-prod")
	h.done(r, "judge-prod")
	for len(r.next) > 0 && r.next[0].Name != "approve-prod" {
		r.next = r.next[1:]
	}
	if err := r.walk(); !errors.Is(err, errWaits) {
		h.t.Errorf("new approvers: %v", err)
	}
	for _, class := range []string{"security", "model_risk"} {
		if err := r.says("tom", "approve", class, ""); err == nil {
			h.t.Errorf("the author agreed for %s", class)
		}
	}
	if err := r.says("mei", "approve", "security", ""); err == nil {
		h.t.Error("somebody whom only the commit names agreed")
	}
	_ = r.says("ines", "approve", "security", "")
	_ = r.says("awa", "approve", "model_risk", "")
	if err := r.walk(); err != nil {
		h.t.Errorf("new approvers, agreed to by the old ones: %v", err)
	}
}

func (h *house) whoLeft() {
	h.say("# Whoever left approves no more")
	h.commit("ana", "another application", everywhere("entry: [claims-desk]", "entry: [claims-desk, mobile-app]")...)
	h.measure(nil)
	r := h.start()
	if err := r.walk(); !errors.Is(err, errWaits) {
		h.t.Errorf("another application: %v", err)
	}
	if err := r.says("ines", "approve", "security", ""); err == nil {
		h.t.Error("somebody who left agreed")
	}
	if err := r.says("awa", "reject", "model_risk", "not before the audit"); err != nil {
		h.t.Error(err)
	}
	if err := r.says("mei", "approve", "security", ""); err == nil {
		h.t.Error("what was refused was agreed to")
	}
	h.refused(r, "fence-prod", nil, "nothing lets release")
	h.commit("ana", "not yet", everywhere("entry: [claims-desk, mobile-app]", "entry: [claims-desk]")...)
}

func (h *house) rollback() {
	h.say("# A rollback is one commit and one run")
	out := h.must(h.dir, h.environment(h.account(platform.Pipeline)), "remit", "promote", "--back", "prod", "claims-helper", "stable", filepath.Join(h.repository(), "quarry"))
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "+ ") || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "prod: ") {
			h.say("  %s", plain(strings.TrimRight(line, "\n")))
		}
	}
	h.commit("ana", "back")
	h.measure(nil)
	if err := h.start().walk(); err != nil {
		h.t.Errorf("a rollback: %v", err)
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

package release_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/attest"
	"remit/platform"
	"remit/release"
	"remit/terms"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const today = terms.Date("2026-11-24")

// edit is a change of a declaration's text: in a file, what was, and what is.
type edit struct{ file, was, is string }

// promoted makes the declaration of a company that deployed by hand one of a company with a
// pipeline, and an evaluation before its last environment.
var promoted = []edit{
	{"platform.yaml", `accounts: {pipeline: "610000000001"}}`, `accounts: {pipeline: "610000000001"}, pipeline: {connection: "arn:aws:codeconnections:eu-central-1:610000000001:connection/5c5f3a1e-2b7d-4c8a-9e61-0d4b7a2f9c13", repository: harbor/agents, branch: main, directory: declaration, test: make test, evaluation: {repository: harbor/evaluations, branch: main, command: ./evaluate.sh}, remit: {repository: harbor/remit, branch: main, revision: 3adac9d0f2b14d6c8a7e5f9031b2c4d6e8f0a1b3}, approvers: ["arn:aws:iam::610000000002:role/Approvers"]}}`},
	{"live.yaml", "data: {kind: real}\n", "data: {kind: real}\nevaluation: {scores: {task_success: 90%}, max_age: 14d, drift: {measure: psi, warn: 10%, block: 25%}}\n"},
}

// declare writes that declaration, edited and without the environment that people deploy, into a
// release's directory.
func declare(t *testing.T, dir string, edits ...edit) {
	t.Helper()
	into := filepath.Join(dir, release.DeclarationDir)
	if err := os.MkdirAll(into, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"platform.yaml", "qa.yaml", "live.yaml"} {
		content, err := os.ReadFile(filepath.Join("../test/third", name))
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		for _, e := range append(slices.Clip(promoted), edits...) {
			if e.file != name {
				continue
			}
			if !strings.Contains(text, e.was) {
				t.Fatalf("%s does not say %q", name, e.was)
			}
			text = strings.Replace(text, e.was, e.is, 1)
		}
		write(t, filepath.Join(into, name), text)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// harmless is a template that grants nobody anything and takes one object from the asset bucket.
const harmless = `{"Resources":{"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"%s"}},"Layer":{"Type":"AWS::Lambda::LayerVersion","Properties":{"Content":{"S3Bucket":"assets","S3Key":"stacks/f.zip"}}}}}`

// environments is the accounts of each environment that the assembly deploys to.
var environments = map[string]map[string]string{
	"qa":   {"platform": "622222222211", "claims": "622222222212"},
	"live": {"platform": "633333333311", "claims": "633333333312"},
}

// assemble writes a small cloud assembly, nested as CDK nests stages: in each environment one
// stack in each account, and one object that both take.
func assemble(t *testing.T, dir string) {
	t.Helper()
	root := map[string]any{}
	for environment, accounts := range environments {
		nested := filepath.Join(dir, release.AssemblyDir, "assembly-"+environment)
		stacks := map[string]any{}
		for purpose, account := range accounts {
			name := "harbor-" + environment + "-" + purpose
			write(t, filepath.Join(nested, name+".template.json"), fmt.Sprintf(harmless, name))
			stacks[name] = map[string]any{"type": "aws:cloudformation:stack", "environment": "aws://" + account + "/eu-central-1", "properties": map[string]string{"templateFile": name + ".template.json"}}
		}
		write(t, filepath.Join(nested, "manifest.json"), encoded(t, map[string]any{"artifacts": stacks}))
		write(t, filepath.Join(nested, "f.zip"), "the code of "+environment)
		write(t, filepath.Join(nested, "stacks.assets.json"), encoded(t, publishing("f.zip", "file", "stacks/f.zip")))
		root["assembly-"+environment] = map[string]any{"type": "cdk:cloud-assembly", "properties": map[string]string{"directoryName": "assembly-" + environment}}
	}
	write(t, filepath.Join(dir, release.AssemblyDir, "manifest.json"), encoded(t, map[string]any{"artifacts": root}))
}

// publishing is an asset manifest that publishes one file to the buckets of two accounts.
func publishing(path, packaging, key string) map[string]any {
	return map[string]any{"files": map[string]any{"f": map[string]any{
		"source":       map[string]string{"path": path, "packaging": packaging},
		"destinations": map[string]any{"one": map[string]string{"bucketName": "assets-1", "objectKey": key}, "two": map[string]string{"bucketName": "assets-2", "objectKey": key}},
	}}}
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// laid is the directory of a release whose declaration was edited, without a manifest.
func laid(t *testing.T, edits ...edit) string {
	t.Helper()
	dir := t.TempDir()
	declare(t, dir, edits...)
	assemble(t, dir)
	return dir
}

func made(t *testing.T, dir string) release.Release {
	t.Helper()
	r, err := release.Make(dir, "c0ffee", "tool-1", today)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func declared(t *testing.T, r release.Release) *platform.Platform {
	t.Helper()
	p, err := r.Declaration(today)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func subject(t *testing.T, kind, name, content string) attest.Subject {
	t.Helper()
	return attest.Of(kind+name, attest.Digest([]byte(content)))
}

// Package test holds the promises of the product as a whole: who may import whom, the
// reviewed IAM, and what the README says.
package test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// wall says what a package may not import, and why. A forbidden entry ending in /... is a
// whole tree; "third party" is every module but the standard library and ours.
type wall struct {
	pkg       string
	forbidden map[string]string // import → reason
}

const (
	thirdParty = "third party"
	jsii       = "github.com/aws/jsii-runtime-go"
	cdk        = "github.com/aws/aws-cdk-go/..."
	sdk        = "github.com/aws/aws-sdk-go-v2/..."
	yaml       = "go.yaml.in/..."
)

// pure is for the packages that are proven, fuzzed and shipped in every Lambda.
func pure(pkg string) wall {
	return wall{pkg, map[string]string{
		thirdParty:           "what is proven, fuzzed and shipped in every Lambda rests on the standard library and our own pure packages",
		"remit/platform/...": "the declaration reaches the core only as a compiled bundle",
		"remit/grants":       "the core must not depend on how IAM is made",
		"remit/constructs":   "synth is not part of any decision",
	}}
}

// ports is for handlers that are handed what they call.
func ports(pkg string) wall {
	return wall{pkg, map[string]string{
		"remit/platform/...": "it reads documents in its zip: cold start and attack surface", yaml: "it reads documents in its zip", cdk: "cold start and attack surface", sdk: "AWS is wired in bootstrap; the handler knows ports",
	}}
}

// shipped is for what runs as a Lambda function.
func shipped(pkg string) wall {
	return wall{pkg, map[string]string{"remit/platform/...": "cold start and attack surface: a function reads a bundle", yaml: "cold start and attack surface", cdk: "cold start and attack surface"}}
}

var walls = []wall{
	pure("remit/terms"), pure("remit/policy"), pure("remit/policy/cedar"), pure("remit/anomaly"), pure("remit/ledger"), pure("remit/iam"), pure("remit/iam/proof"), pure("remit/audit"), pure("remit/iam/catalog"),
	{"remit/platform", map[string]string{
		thirdParty:            "the resolved declaration has no file format and no cloud",
		"remit/platform/load": "reading text is the rim; the model does not know it",
		"remit/iam/...":       "the declaration says who may do what, not how AWS spells it",
	}},
	{"remit/platform/load", map[string]string{
		cdk: "checking a declaration takes milliseconds and no Node", sdk: "checking a declaration asks no account", "remit/grants": "reading is not granting",
	}},
	{"remit/grants", map[string]string{
		cdk: "the intended IAM is readable without synth", sdk: "the intended IAM asks no account", "remit/constructs": "the intended IAM is readable without synth",
		"remit/platform/load": "grants take a resolved declaration",
	}},
	{"remit/assembly", map[string]string{
		cdk: "templates are read as what they are: JSON", "remit/grants": "the reader must not know what it is supposed to find", "remit/platform": "it reads anyone's templates",
	}},
	{"remit/constructs", map[string]string{
		sdk: "synth calls no AWS", "remit/verify": "synth does not mark its own work", "remit/assembly": "synth does not read its own output",
	}},
	{"remit/live", map[string]string{
		"remit/platform/...": "it reads accounts, and does not know what they should hold", "remit/grants": "it must not know what it is supposed to find", cdk: "it reads what is deployed",
	}},
	{"remit/bootstrap", map[string]string{
		cdk: "an administrator needs no Node", sdk: "it writes a template and calls nothing", yaml: "it takes a resolved declaration",
	}},
	{"remit/verify", map[string]string{
		"remit/grants": "the judge does not read the defendant's notes", "remit/constructs": "the judge does not read the defendant's notes", sdk: "the proof is offline", cdk: "the proof needs no Node",
	}},
	{"remit/change", map[string]string{
		"remit/grants": "it judges what others found of access", "remit/platform/load": "it takes resolved declarations", sdk: "a change is judged offline", cdk: "a change is judged offline", yaml: "it takes resolved declarations",
	}},
	{"remit/promotion", map[string]string{
		"remit/platform/load": "it edits text; whether the declaration holds is asked by whoever writes it", "remit/grants": "it knows no access", "remit/change": "it edits; what an edit needs is judged elsewhere", "remit/verify": "it knows no access", sdk: "an edit asks no account", cdk: "an edit needs no Node",
	}},
	{"remit/attest", map[string]string{
		"remit/platform/...": "what is signed is judged without any declaration", "remit/pipeline": "it knows no pipeline", "remit/shelf": "it knows no place where anything lies", sdk: "keys and objects are ports", cdk: "it is shipped in functions that guard deployments", yaml: "it is shipped in functions that guard deployments",
	}},
	{"remit/shelf", map[string]string{
		"remit/platform/...": "it keeps what it is given, whatever it says", sdk: "a store is a port", cdk: "it is shipped in the gate",
	}},
	{"remit/pipeline", map[string]string{
		"remit/platform/load": "it takes a resolved declaration", "remit/lambdas/...": "the steps are data, whoever walks them", sdk: "it runs nothing", cdk: "a rehearsal walks it without Node",
	}},
	{"remit/release", map[string]string{
		"remit/lambdas/...": "a release is judged the same whoever takes it through", "remit/constructs": "the judge reads what was synthesized, and does not make it", sdk: "it is judged offline", cdk: "it is judged without Node",
	}},
	{"remit/identity", map[string]string{
		thirdParty: "every line that decides whom to trust is read and fuzzed here; no library measured was strict enough alone", "remit/policy": "who is asking is decided before what they may do",
	}},
	{"remit/dev", map[string]string{
		"remit/platform/load": "it is handed a declaration; where it comes from is the command's", sdk: "a laptop needs no account", cdk: "a laptop needs no Node",
	}},
	{"remit/lambdas/gateway", map[string]string{
		"remit/platform/...": "it reads a bundle: cold start and attack surface", yaml: "it reads a bundle", cdk: "cold start and attack surface", sdk: "AWS is wired in bootstrap; the handler knows ports",
	}},
	ports("remit/lambdas/entry"), ports("remit/lambdas/approve"), ports("remit/lambdas/model"), ports("remit/lambdas/authorizer"), ports("remit/lambdas/reach"), ports("remit/lambdas/sealing"), ports("remit/lambdas/login"), ports("remit/lambdas/closing"), ports("remit/lambdas/operate"), ports("remit/lambdas/watch"), ports("remit/lambdas/meter"), ports("remit/lambdas/metric"), ports("remit/lambdas/arguments"), ports("remit/lambdas/gate"), ports("remit/lambdas/hook"), ports("remit/lambdas/hook/payload"), ports("remit/lambdas/person"),
	shipped("remit/lambdas/entry/bootstrap"), shipped("remit/lambdas/model/bootstrap"), shipped("remit/lambdas/approve/bootstrap"), shipped("remit/lambdas/registry"), shipped("remit/lambdas/closing/bootstrap"), shipped("remit/lambdas/operate/bootstrap"), shipped("remit/lambdas/watch/bootstrap"), shipped("remit/lambdas/meter/bootstrap"), shipped("remit/lambdas/request/bootstrap"), shipped("remit/lambdas/response/bootstrap"), shipped("remit/lambdas/reach/bootstrap"), shipped("remit/lambdas/authorizer/bootstrap"), shipped("remit/lambdas/interceptor"), shipped("remit/lambdas/gate/bootstrap"), shipped("remit/lambdas/gate/codepipeline"), shipped("remit/lambdas/hook/bootstrap"),
	{"remit/anomaly", map[string]string{"remit/ledger/...": "it judges counts, wherever they come from", "remit/lambdas/...": "it judges counts, whoever acts on it"}},
	{"remit/ledger/dynamo", map[string]string{
		"remit/platform/...": "a store knows items, not declarations", "remit/policy/...": "a store knows items, not rules", cdk: "it is shipped in every Lambda",
	}},
	{"remit/artifact", map[string]string{
		thirdParty: "a zip needs none of it", "remit/platform/...": "it packs bytes, whatever they say",
	}},
	{"remit/cmd/remit", map[string]string{
		"remit/constructs": "only app.go starts Node", jsii: "only app.go starts Node", cdk: "only app.go starts Node",
	}},
}

func TestImportsKeepTheWallsOfTheHouse(t *testing.T) {
	deps := dependencies(t)
	for _, w := range walls {
		imports, exists := deps[w.pkg]
		if !exists {
			t.Errorf("the wall around %s guards a package that does not exist; remove it", w.pkg)
			continue
		}
		for _, imported := range imports {
			for forbidden, reason := range w.forbidden {
				if matches(forbidden, imported) {
					t.Errorf("%s reaches %s.\n  It must not: %s.", w.pkg, imported, reason)
				}
			}
		}
	}
}

// codec is the SDK's reader of event streams: it has no client and calls nothing.
const codec = "github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

func matches(pattern, imported string) bool {
	if pattern == sdk && strings.HasPrefix(imported, codec) {
		return false
	}
	if pattern == thirdParty {
		first, _, _ := strings.Cut(imported, "/")
		return strings.Contains(first, ".")
	}
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return imported == tree || strings.HasPrefix(imported, tree+"/")
	}
	return pattern == imported
}

// dependencies is what each of our packages reaches, directly or not, tests left out.
func dependencies(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Deps", "remit/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := map[string][]string{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		deps[p.ImportPath] = p.Deps
	}
	return deps
}

package conformance

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"remit/iam"
	"remit/platform"
	"remit/terms"
	"remit/test/absent"
	"remit/verify"
)

// schema is OASIS's own schema of a SARIF 2.1.0 log. It is written in draft 4, whose only
// words here that later drafts read otherwise are the schema's name and its own draft.
func schema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	text, err := os.ReadFile("../../.tools/sarif/sarif-schema-2.1.0.json")
	if err != nil {
		absent.Skip(t, "no log was held to the SARIF schema", "it is not installed; run test/conformance/install sarif")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	delete(members, "$schema")
	delete(members, "id")
	if text, err = json.Marshal(members); err != nil {
		t.Fatal(err)
	}
	var read jsonschema.Schema
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	resolved, err := read.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

// reports are logs of every shape that the printer has: nothing found, findings with a
// chain, a witness, a place with and without a line, without any, and accepted ones.
func reports() map[string]verify.Report {
	open := iam.Doc(iam.Statement{Sid: "All", Effect: iam.Allow, Actions: iam.Of("*"), Resources: iam.Of("*")})
	world := iam.World{Roles: []iam.Role{
		{ARN: "arn:aws:iam::111111111111:role/a", Policy: open, From: terms.Pos{File: "stack.json", Line: 3, Col: 7}, Trust: iam.Doc(iam.Statement{Effect: iam.Allow, Principals: iam.Principals{AWS: []string{"arn:aws:iam::222222222222:root"}}, Actions: iam.Of("sts:AssumeRole")})},
		{ARN: "arn:aws:iam::222222222222:role/b", Policy: open, From: terms.Pos{File: "stack.json"}},
		{ARN: "arn:aws:iam::222222222222:role/c"},
	}}
	c := verify.Case{World: world, Platform: &platform.Platform{}, Today: "2026-11-23"}
	found := verify.Judge(c)
	waived := c
	waived.Platform = &platform.Platform{Waivers: []platform.Waiver{{Rule: "boundary", Role: "c", Why: "until the move", Owner: "security", Until: "2027-01-31"}}}
	for _, f := range found.Findings {
		if f.Rule == "boundary" && f.Role.Name() == "c" {
			waived.Platform.Waivers[0].Digest = f.Digest
		}
	}
	return map[string]verify.Report{"nothing": {}, "findings": found, "accepted": verify.Judge(waived)}
}

func TestTheSARIFLogIsValidByTheSchemaOfItsStandard(t *testing.T) {
	valid := schema(t)
	for name, report := range reports() {
		if name != "nothing" && len(report.Findings) < 5 || name == "accepted" && len(report.Waived) != 1 {
			t.Errorf("%s: too little was found to be judged: %d, %d accepted", name, len(report.Findings), len(report.Waived))
		}
		if err := valid.Validate(decoded(t, string(report.SARIF("1")))); err != nil {
			t.Errorf("%s: a code host refuses this log: %v", name, err)
		}
	}
}

// TestTheSchemaRefusesALogThatIsSpoilt spoils a good log in one place after another.
func TestTheSchemaRefusesALogThatIsSpoilt(t *testing.T) {
	valid, log := schema(t), string(reports()["accepted"].SARIF("1"))
	for name, spoil := range map[string][2]string{
		"another version":       {`"version": "2.1.0"`, `"version": "2.2"`},
		"a level of its own":    {`"level": "error"`, `"level": "fatal"`},
		"a line before any":     {`"startLine": 3`, `"startLine": 0`},
		"a message without one": {`"message": {`, `"massage": {`},
		"a rule without an id":  {`"id": "unreadable"`, `"di": "unreadable"`},
		"a suppression of none": {`"kind": "external"`, `"kind": "friendly"`},
		"columns of something":  {`"unicodeCodePoints"`, `"bytes"`},
	} {
		if !strings.Contains(log, spoil[0]) {
			t.Errorf("%s: the log does not hold %s, so nothing was spoilt", name, spoil[0])
			continue
		}
		if valid.Validate(decoded(t, strings.Replace(log, spoil[0], spoil[1], 1))) == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var out any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

package attest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"remit/attest"
	"remit/attest/attesttest"
	"remit/terms"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func candidate() attest.Attestation {
	return attest.Attestation{
		Subjects: []attest.Subject{attest.Of(attest.Template+"acme-prod-platform", digestOf(`{"a":1}`))},
		Platform: "acme", Environment: "prod", Release: "r2", Tool: "t1", Execution: "run-2", Revision: "c2", Authors: []string{"ann@acme.example"},
		Made: noon.Add(-time.Hour), Expires: noon.Add(time.Hour), Deployed: attest.Run{Environment: "prod", Release: "r1", Execution: "run-1"},
		Verdict: attest.Verdict{Class: attest.Automatic}, Rules: attest.Rules{Approvers: map[string][]string{"security": {"ann@acme.example"}}},
	}
}

func digestOf(template string) string {
	d, err := attest.TemplateDigest([]byte(template))
	if err != nil {
		panic(err)
	}
	return d
}

func TestWhatIsSealedOpensForWhoeverHasEachKeyAndForNobodyElse(t *testing.T) {
	signers, keys := attesttest.Everybody(t)
	_, others := attesttest.Everybody(t)
	judged := attesttest.Seal(t, signers, candidate().Statement(), attest.Judge)
	admitted := attesttest.Seal(t, signers, candidate().Statement(), attest.Judge, attest.Gate)
	for name, c := range map[string]struct {
		sealed []byte
		keys   attest.Keys
		by     []string
		why    string
	}{
		"judged":                            {judged, keys, []string{attest.Judge}, ""},
		"admitted":                          {admitted, keys, []string{attest.Judge, attest.Gate}, ""},
		"admitted, and only the gate asked": {admitted, keys, []string{attest.Gate}, ""},
		"judged and not admitted":           {judged, keys, []string{attest.Judge, attest.Gate}, "the gate has not signed this"},
		"another's keys":                    {judged, others, []string{attest.Judge}, "it is not this key's, or of something else"},
		"no keys":                           {judged, nil, []string{attest.Judge}, "there is no key to check the judge's signature with"},
		"nobody asked":                      {judged, keys, nil, "nobody's signature was asked for"},
		"no envelope":                       {[]byte(`{}`), keys, []string{attest.Judge}, "no in-toto statement"},
		"something after it":                {append(slices.Clip(judged), `{}`...), keys, []string{attest.Judge}, "something follows it"},
		"a bracket after it":                {append(slices.Clip(judged), `}`...), keys, []string{attest.Judge}, "something follows it"},
		"too large":                         {make([]byte, attest.MaxEnvelope+1), keys, []string{attest.Judge}, "are not read"},
		"an evaluation":                     {attesttest.Seal(t, signers, attest.Evaluation{}.Statement(), attest.Judge), keys, []string{attest.Judge}, "not the \"urn:remit:release:1\" that is wanted"},
	} {
		a, err := attest.Attested(t.Context(), c.sealed, c.keys, c.by...)
		switch {
		case c.why == "" && (err != nil || !reflect.DeepEqual(a, candidate())):
			t.Errorf("%s: %+v, %v", name, a, err)
		case c.why != "" && (err == nil || !strings.Contains(err.Error(), c.why)):
			t.Errorf("%s is answered with %v, not %q", name, err, c.why)
		case c.why != "" && !reflect.DeepEqual(a, attest.Attestation{}):
			t.Errorf("%s: something is told of what is not believed: %+v", name, a)
		}
	}
}

func TestASignatureInTheGatesNameByTheJudgesKeyIsNoneOfTheGates(t *testing.T) {
	signers, keys := attesttest.Everybody(t)
	signers[attest.Gate] = signers[attest.Judge]
	if _, err := attest.Attested(t.Context(), attesttest.Seal(t, signers, candidate().Statement(), attest.Judge, attest.Gate), keys, attest.Judge, attest.Gate); err == nil {
		t.Error("the judge signed for the gate, and was believed")
	}
}

func TestNoByteOfAnEnvelopeChangesUnseen(t *testing.T) {
	signers, keys := attesttest.Everybody(t)
	sealed := attesttest.Seal(t, signers, candidate().Statement(), attest.Judge)
	rapid.Check(t, func(t *rapid.T) {
		changed := append([]byte(nil), sealed...)
		at := rapid.IntRange(0, len(changed)-1).Draw(t, "at")
		changed[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		a, err := attest.Attested(t.Context(), changed, keys, attest.Judge)
		if err == nil && !reflect.DeepEqual(a, candidate()) {
			t.Fatalf("byte %d was changed, and it says now %+v", at, a)
		}
	})
}

func TestAPayloadOfOneTypeDoesNotPassForAnother(t *testing.T) {
	signers, keys := attesttest.Everybody(t)
	var e map[string]any
	if err := json.Unmarshal(attesttest.Seal(t, signers, candidate().Statement(), attest.Judge), &e); err != nil {
		t.Fatal(err)
	}
	// DSSE signs the type and its length: moving a byte from one to the other is seen.
	e["payloadType"] = e["payloadType"].(string) + " "
	moved, _ := json.Marshal(e)
	if _, err := attest.Attested(t.Context(), moved, keys, attest.Judge); err == nil {
		t.Error("another type was believed")
	}
	if got := attest.Signers(moved); got != nil {
		t.Errorf("%v are named as signers of what is no envelope", got)
	}
}

func TestAnAttestationSpeaksForItsEnvironmentWhileItHolds(t *testing.T) {
	for name, c := range map[string]struct {
		platform, environment string
		at                    time.Time
		why                   string
	}{
		"now":                       {"acme", "prod", noon, ""},
		"by a clock that is behind": {"acme", "prod", noon.Add(-time.Hour - 4*time.Minute), ""},
		"before":                    {"acme", "prod", noon.Add(-time.Hour - 6*time.Minute), "has not come yet"},
		"on its end":                {"acme", "prod", noon.Add(time.Hour), "expired at 2026-11-24T13:00:00Z; start the pipeline again"},
		"another environment":       {"acme", "stage", noon, "the attestation is for prod of acme, and this is stage of acme"},
		"another company":           {"apex", "prod", noon, "this is prod of apex"},
	} {
		if err := candidate().For(c.platform, c.environment, c.at); (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, not %q", name, err, c.why)
		}
	}
	if err := (attest.Attestation{}).For("", "", noon); err == nil {
		t.Error("the zero attestation speaks for something")
	}
}

const template = `{"Resources":{"F":{"Type":"AWS::Lambda::Function","Properties":{"Code":{"S3Bucket":"b","S3Key":"stacks/x.zip"}}}}}`

func covering() attest.Attestation {
	a := candidate()
	a.Subjects = []attest.Subject{attest.Of(attest.Template+"acme-prod-platform", digestOf(template)), attest.Of(attest.Object+"stacks/x.zip", "d1")}
	return a
}

func TestOnlyTheTemplateThatWasJudgedIsCoveredWithEverythingItTakes(t *testing.T) {
	lies := func(digest string, err error) func(string, string) (string, error) {
		return func(string, string) (string, error) { return digest, err }
	}
	for name, c := range map[string]struct {
		stack, template string
		content         func(string, string) (string, error)
		why             string
	}{
		"as judged":                {"acme-prod-platform", template, lies("d1", nil), ""},
		"spaced otherwise":         {"acme-prod-platform", strings.ReplaceAll(template, `":"`, `" : "`), lies("d1", nil), ""},
		"another stack":            {"acme-prod-lending", template, lies("d1", nil), "release r2 has no stack acme-prod-lending"},
		"one byte changed":         {"acme-prod-platform", strings.Replace(template, "x.zip", "y.zip", 1), lies("d1", nil), "is not the one that was judged"},
		"code that was replaced":   {"acme-prod-platform", template, lies("d2", nil), "stacks/x.zip is not what was judged: d2, where release r2 has d1"},
		"code that cannot be read": {"acme-prod-platform", template, lies("", fmt.Errorf("no")), "stacks/x.zip cannot be looked at: no"},
		"a name given twice":       {"acme-prod-platform", `{"Resources":{},"Resources":{}}`, lies("d1", nil), "no JSON that everybody reads alike"},
		"YAML":                     {"acme-prod-platform", "Resources: {}", lies("d1", nil), "no JSON that everybody reads alike"},
		"a giant":                  {"acme-prod-platform", strings.Repeat(" ", attest.MaxTemplate) + "{}", lies("d1", nil), "more than CloudFormation takes"},
	} {
		if err := covering().Covers(c.stack, []byte(c.template), c.content); (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, not %q", name, err, c.why)
		}
	}
	unlisted := covering()
	unlisted.Subjects = unlisted.Subjects[:1]
	if err := unlisted.Covers("acme-prod-platform", []byte(template), lies("d1", nil)); err == nil || !strings.Contains(err.Error(), "release r2 does not have") {
		t.Errorf("code that was not attested: %v", err)
	}
	computed := covering()
	hidden := strings.Replace(template, `"stacks/x.zip"`, `{"Ref":"Key"}`, 1)
	computed.Subjects[0] = attest.Of(attest.Template+"acme-prod-platform", digestOf(hidden))
	if err := computed.Covers("acme-prod-platform", []byte(hidden), lies("d1", nil)); err == nil {
		t.Error("code whose key nobody can tell was covered")
	}
}

func bar() attest.Bar {
	return attest.Bar{Scores: map[string]terms.Percent{"task_success": 90, "refusal_correct": 99}, MaxAge: terms.Span(14 * 24 * time.Hour), Drift: &attest.Drift{Measure: attest.PSI, Warn: 10, Block: 25}}
}

func measured() attest.Evaluation {
	even := attest.Profile{"amount": {"low": 0.5, "high": 0.5}, "state": {"NY": 0.4, "CA": 0.6}}
	return attest.Evaluation{Release: "r2", Environment: "stage", At: noon.Add(-24 * time.Hour), Scores: map[string]float64{"task_success": 93, "refusal_correct": 99.5},
		Data: attest.DataSet{ID: "golden-7", Profile: even}, Reference: &attest.DataSet{ID: "prod-week-47", Profile: even}}
}

func TestAnEvaluationIsGoodEnoughOrSaysWhyNot(t *testing.T) {
	shifted := func(low float64) attest.Profile {
		return attest.Profile{"amount": {"low": low, "high": 1 - low}, "state": {"NY": 0.4, "CA": 0.6}}
	}
	for name, c := range map[string]struct {
		change func(*attest.Evaluation)
		why    string
		warns  string
	}{
		"good":                     {func(*attest.Evaluation) {}, "", ""},
		"of another release":       {func(e *attest.Evaluation) { e.Release = "r1" }, "the evaluation is of release r1, and this is r2", ""},
		"made elsewhere":           {func(e *attest.Evaluation) { e.Environment = "dev" }, `made in "dev"; it has to be made in stage`, ""},
		"stale":                    {func(e *attest.Evaluation) { e.At = noon.Add(-15 * 24 * time.Hour) }, "older than the 14d that are allowed: evaluate again", ""},
		"of tomorrow":              {func(e *attest.Evaluation) { e.At = noon.Add(24 * time.Hour) }, "which has not come yet", ""},
		"low":                      {func(e *attest.Evaluation) { e.Scores["task_success"] = 89.9 }, "task_success is 89.9%, below 90%", ""},
		"without a score":          {func(e *attest.Evaluation) { delete(e.Scores, "refusal_correct") }, "refusal_correct was not measured, and has to reach 99%", ""},
		"with an impossible score": {func(e *attest.Evaluation) { e.Scores["task_success"] = 900 }, "which is no percentage", ""},
		"somewhat drifted":         {func(e *attest.Evaluation) { e.Reference.Profile = shifted(0.7) }, "", "golden-7 has drifted 16.95% from prod-week-47 by amount (psi)"},
		"drifted":                  {func(e *attest.Evaluation) { e.Reference.Profile = shifted(0.8) }, "drifted 41.59% from prod-week-47 by amount (psi), more than the 25% that are bearable", ""},
		"without a reference":      {func(e *attest.Evaluation) { e.Reference = nil }, "nobody knows how far golden-7 is from it", ""},
		"of other features":        {func(e *attest.Evaluation) { e.Reference.Profile = attest.Profile{"age": {"1": 1}} }, "tell of different features (amount, state; age)", ""},
		"of no whole": {func(e *attest.Evaluation) {
			e.Reference.Profile = attest.Profile{"amount": {"low": 0.5}, "state": {"NY": 1}}
		}, "the shares of amount are no shares of 1", ""},
		"without profiles": {func(e *attest.Evaluation) { e.Data.Profile, e.Reference.Profile = nil, nil }, "tell of different features (none; none)", ""},
	} {
		e := measured()
		c.change(&e)
		shown, err := bar().Judge(e, "r2", "stage", noon)
		if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, not %q", name, err, c.why)
		}
		if got := strings.Join(shown.Warnings, "; "); got != c.warns {
			t.Errorf("%s warns of %q, not %q", name, got, c.warns)
		}
	}
}

func TestDriftIsNoneForTheSameAndTheSameBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := func(label string) attest.Profile {
			weights := rapid.SliceOfN(rapid.IntRange(0, 20), 4, 4).Draw(t, label)
			sum := 0
			for _, w := range weights {
				sum += w
			}
			if sum == 0 {
				weights[0], sum = 1, 1
			}
			shares := map[string]float64{}
			for i, w := range weights {
				shares[fmt.Sprint(i)] = float64(w) / float64(sum)
			}
			return attest.Profile{"f": shares}
		}
		p, q := drawn("p"), drawn("q")
		for _, measure := range []string{attest.PSI, attest.TotalVariation} {
			there, err := attest.Distance(measure, p, q)
			back, err2 := attest.Distance(measure, q, p)
			same, err3 := attest.Distance(measure, p, p)
			if err != nil || err2 != nil || err3 != nil {
				t.Fatal(err, err2, err3)
			}
			if same.Drift != 0 || there.Drift < 0 || there.Drift-back.Drift > 1e-9 || back.Drift-there.Drift > 1e-9 {
				t.Fatalf("%s: %v there, %v back, %v to itself", measure, there.Drift, back.Drift, same.Drift)
			}
		}
	})
	if _, err := attest.Distance("guess", attest.Profile{"f": {"a": 1}}, attest.Profile{"f": {"a": 1}}); err == nil {
		t.Error("a measure that nobody declared measures")
	}
}

func TestAScoreThatFellIsNamed(t *testing.T) {
	e := measured()
	e.Scores = map[string]float64{"task_success": 92, "new": 1}
	got := e.Regressed(measured())
	want := []attest.Finding{
		{Path: "evaluation.refusal_correct", Class: attest.Review, Row: "evaluation", Reason: "the evaluation shows less than that of what runs", Was: "99.5%"},
		{Path: "evaluation.task_success", Class: attest.Review, Row: "evaluation", Reason: "the evaluation shows less than that of what runs", Was: "93%", Is: "92%"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"judge","sig":"` + base64.StdEncoding.EncodeToString([]byte("x")) + `"}]}`))
	_, keys := attesttest.Everybody(f)
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if _, err := attest.Attested(t.Context(), sealed, keys, attest.Judge); err == nil {
			t.Error("nobody signed this")
		}
	})
}

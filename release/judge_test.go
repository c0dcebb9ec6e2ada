package release_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"remit/attest"
	"remit/release"
	"remit/terms"
)

// asks is a release that asks to be deployed where the unedited one runs: it has passed in qa,
// and was evaluated there today and well.
func asks(t *testing.T, edits ...edit) release.Case {
	t.Helper()
	runs, asking := made(t, laid(t)), made(t, laid(t, edits...))
	before := evaluated(runs)
	p := declared(t, runs)
	e, _ := p.Environment("live")
	measured := evaluated(asking)
	return release.Case{
		Release: asking, Environment: "live", Execution: "run-2", Authors: []string{"ann@harbor.example"},
		Running:  attest.Run{Environment: "live", Release: runs.Digest, Execution: "run-1"},
		Standing: &attest.Attestation{Platform: "harbor", Environment: "live", Release: runs.Digest, Tool: "tool-1", Execution: "run-1", Evaluation: &before, Rules: release.RulesOf(e)},
		Deployed: p, From: attest.Run{Environment: "qa", Release: asking.Digest, Execution: "run-2"}, Evaluation: &measured, Now: noon,
	}
}

func evaluated(r release.Release) attest.Evaluation {
	profile := attest.Profile{"amount": {"low": 0.5, "high": 0.5}}
	return attest.Evaluation{Release: r.Digest, Environment: "qa", At: noon.Add(-time.Hour), Data: attest.DataSet{ID: "claims-made-up", Profile: profile},
		Scores: map[string]float64{"task_success": 95}, Reference: &attest.DataSet{ID: "claims-real", Profile: profile}}
}

// judged is what is said of a release, which has to be judged at all.
func judged(t *testing.T, c release.Case) attest.Attestation {
	t.Helper()
	a, _, err := release.Judge(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var rules = attest.Rules{
	Approvers:  map[string][]string{"security": {"ines@harbor.example"}, "model_risk": {"awa@harbor.example"}},
	Evaluation: &attest.Bar{Scores: map[string]terms.Percent{"task_success": 90}, MaxAge: terms.Span(14 * 24 * time.Hour), Drift: &attest.Drift{Measure: attest.PSI, Warn: 10, Block: 25}},
}

func TestWhatIsSaidOfAReleaseIsWhatItIsAndWhatItWasJudgedBy(t *testing.T) {
	c := asks(t)
	a, warnings, err := release.Judge(c)
	if err != nil || warnings != nil {
		t.Fatal(warnings, err)
	}
	subjects, err := c.Release.Subjects(declared(t, c.Release), "live")
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Checks) != 3 || a.Checks[0] != (attest.Check{Name: "declaration", By: "judge", Says: "no problem"}) || a.Checks[1].Name != "proof" || !strings.Contains(a.Checks[1].Says, "none of the rules is broken") || a.Checks[2].Says != "the tests of revision c0ffee ended well before this was made" {
		t.Errorf("the checks are %q", a.Checks)
	}
	a.Checks = nil
	want := attest.Attestation{
		Subjects: subjects, Platform: "harbor", Environment: "live", Release: c.Release.Digest, Tool: "tool-1", Execution: "run-2", Revision: "c0ffee", Authors: []string{"ann@harbor.example"},
		Made: noon, Expires: noon.Add(release.Life), From: c.From, Deployed: c.Running, Evaluation: c.Evaluation, Verdict: attest.Verdict{Class: attest.Automatic}, Rules: rules,
	}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("got  %+v\nwant %+v", a, want)
	}
}

func TestTheFirstReleaseOfAllNeedsEveryClassOfApprovers(t *testing.T) {
	c := asks(t)
	c.Running, c.Standing, c.Deployed = attest.Run{}, nil, nil
	want := attest.Verdict{Class: attest.Named, Needs: []string{"model_risk", "security"}, Changes: []attest.Finding{
		{Path: "environments.live", Class: attest.Named, Row: "first", Reason: "nothing runs here yet, so everything is new"}}}
	if got := judged(t, c); !reflect.DeepEqual(got.Verdict, want) || !reflect.DeepEqual(got.Rules, rules) || got.Deployed != (attest.Run{}) {
		t.Errorf("%+v", got)
	}
}

var (
	newTool = []edit{
		{"platform.yaml", "  weather_on_day:\n    team", "  tide_on_day:\n    team: claims-platform\n    purpose: the tide at a place\n    access: read\n    data_class: OPERATIONAL\n    callers: [adjuster]\n    input: {type: object, additionalProperties: false, required: [place], properties: {place: {type: string, maxLength: 60}}}\n    response: {allow: [\"$.metres\"]}\n    audit: {input: full, output: full}\n  weather_on_day:\n    team"},
		{"platform.yaml", "tools: [look_up_policy, open_claim,", "tools: [look_up_policy, tide_on_day, open_claim,"},
		{"qa.yaml", "  weather_on_day: {openapi", "  tide_on_day: {openapi: {server: https://tides-qa.harbor.example, operation: \"GET /tides\"}}\n  weather_on_day: {openapi"},
		{"live.yaml", "  weather_on_day: {openapi", "  tide_on_day: {openapi: {server: https://tides.harbor.example, operation: \"GET /tides\"}}\n  weather_on_day: {openapi"},
	}
	newPrompt    = edit{"live.yaml", strings.Repeat("6", 64), strings.Repeat("a", 64)}
	lowered      = edit{"live.yaml", "task_success: 90%", "task_success: 80%"}
	raised       = edit{"live.yaml", "task_success: 90%", "task_success: 96%"}
	anotherScore = edit{"live.yaml", "task_success: 90%", "task_success: 90%, groundedness: 50%"}
	noEvaluation = edit{"live.yaml", "evaluation: {scores: {task_success: 90%}, max_age: 14d, drift: {measure: psi, warn: 10%, block: 25%}}\n", ""}
	newApprover  = edit{"live.yaml", "security: [ines@harbor.example]", "security: [eve@harbor.example, ines@harbor.example]"}
)

func TestAReleaseHasTheClassOfTheStrictestChange(t *testing.T) {
	prompt := attest.Finding{Path: "environments.live.lanes.fraud-signal-reader.stable.prompts", Class: attest.Automatic, Row: "environments.*.lanes.*.*.prompts", Reason: "another prompt: its evaluation decides",
		Was: "sha256:" + strings.Repeat("6", 64), Is: "sha256:" + strings.Repeat("a", 64)}
	regressed := attest.Finding{Path: "evaluation.task_success", Class: attest.Review, Row: "evaluation", Reason: "the evaluation shows less than that of what runs", Was: "95%", Is: "94%"}
	tool := attest.Finding{Path: "tool", Class: attest.Named, By: "security", Row: "tool", Reason: "another version of Remit made the templates and the functions", Was: "tool-0", Is: "tool-1"}
	for name, c := range map[string]struct {
		edits []edit
		given func(*release.Case)
		want  attest.Verdict
	}{
		"the same declaration": {nil, nil, attest.Verdict{Class: attest.Automatic}},
		"another prompt":       {[]edit{newPrompt}, nil, attest.Verdict{Class: attest.Automatic, Changes: []attest.Finding{prompt}}},
		"another prompt that scores less": {[]edit{newPrompt}, func(c *release.Case) { c.Evaluation.Scores["task_success"] = 94 },
			attest.Verdict{Class: attest.Review, Changes: []attest.Finding{prompt, regressed}}},
		"another prompt, where what runs was never evaluated": {[]edit{newPrompt}, func(c *release.Case) { c.Standing.Evaluation = nil },
			attest.Verdict{Class: attest.Automatic, Changes: []attest.Finding{prompt}}},
		"another version of Remit": {nil, func(c *release.Case) { c.Standing.Tool = "tool-0" },
			attest.Verdict{Class: attest.Named, Needs: []string{"security"}, Changes: []attest.Finding{tool}}},
		"a lower score to reach": {[]edit{lowered}, nil, attest.Verdict{Class: attest.Named, Needs: []string{"model_risk"}, Changes: []attest.Finding{
			{Path: "environments.live.evaluation.scores.task_success", Class: attest.Named, By: "model_risk", Row: "environments.*.evaluation.scores.*", Reason: "a score less, or a lower one", Was: "90%", Is: "80%"}}}},
		"a lower score to reach, by another version of Remit": {[]edit{lowered}, func(c *release.Case) { c.Standing.Tool = "tool-0" }, attest.Verdict{Class: attest.Named, Needs: []string{"model_risk", "security"}, Changes: []attest.Finding{
			{Path: "environments.live.evaluation.scores.task_success", Class: attest.Named, By: "model_risk", Row: "environments.*.evaluation.scores.*", Reason: "a score less, or a lower one", Was: "90%", Is: "80%"}, tool}}},
		"one more approver": {[]edit{newApprover}, nil, attest.Verdict{Class: attest.Named, Needs: []string{"security"}, Changes: []attest.Finding{
			{Path: "environments.live.deploy.approvers.security[]", Class: attest.Named, By: "security", Row: "environments.*.deploy.approvers.*[]", Reason: "a new approver", Is: "eve@harbor.example"}}}},
	} {
		asked := asks(t, c.edits...)
		if c.given != nil {
			c.given(&asked)
		}
		if got := judged(t, asked); !reflect.DeepEqual(got.Verdict, c.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got.Verdict, c.want)
		}
	}
}

func TestANewToolNeedsANamedApprovalBySecurity(t *testing.T) {
	got := judged(t, asks(t, newTool...)).Verdict
	if got.Class != attest.Named || !reflect.DeepEqual(got.Needs, []string{"security"}) {
		t.Errorf("%s by %q", got.Class, got.Needs)
	}
	want := attest.Finding{Path: "tools.tide_on_day", Class: attest.Named, By: "security", Row: "tools.*", Reason: "a new tool"}
	found := false
	for _, f := range got.Changes {
		f.Is = ""
		found = found || f == want
	}
	if !found {
		t.Errorf("nothing says so: %+v", got.Changes)
	}
}

// What a release asks of the next one holds from then on: itself it is judged by what runs, and
// by its own where that is stricter.
func TestAReleaseIsJudgedByTheRulesOfWhatRunsAndByItsOwnWhereTheyAreStricter(t *testing.T) {
	scoring := func(score float64) func(*release.Case) {
		return func(c *release.Case) { c.Evaluation.Scores["task_success"] = score }
	}
	for name, c := range map[string]struct {
		edits []edit
		given func(*release.Case)
		why   string
	}{
		"reaches both":                           {[]edit{lowered}, scoring(90), ""},
		"reaches only the bar that it lowered":   {[]edit{lowered}, scoring(85), "the evaluation is not good enough: task_success is 85%, below 90%"},
		"reaches only the bar that it raised":    {[]edit{raised}, scoring(96), ""},
		"does not reach the bar that it raised":  {[]edit{raised}, scoring(95), "the evaluation is not good enough: task_success is 95%, below 96%"},
		"does not have the score that it wants":  {[]edit{anotherScore}, nil, "the evaluation is not good enough: groundedness was not measured, and has to reach 50%"},
		"takes the evaluation away, and has one": {[]edit{noEvaluation}, nil, ""},
		"takes the evaluation away at once":      {[]edit{noEvaluation}, func(c *release.Case) { c.Evaluation = nil }, "was not evaluated in qa, and live asks for an evaluation"},
		"asks for one where none was asked for":  {nil, func(c *release.Case) { c.Standing.Rules.Evaluation, c.Evaluation = nil, nil }, "was not evaluated in qa, and live asks for an evaluation"},
	} {
		asked := asks(t, c.edits...)
		if c.given != nil {
			c.given(&asked)
		}
		refused(t, name, asked, c.why)
	}
	if got := judged(t, asks(t, lowered)).Rules.Evaluation.Scores; !reflect.DeepEqual(got, map[string]terms.Percent{"task_success": 80}) {
		t.Errorf("what comes after it has to reach %v", got)
	}
}

func refused(t *testing.T, name string, c release.Case, why string) {
	t.Helper()
	a, _, err := release.Judge(c)
	switch {
	case (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why):
		t.Errorf("%s: %v, not %q", name, err, why)
	case err != nil && a.Verdict.Class != "":
		t.Errorf("%s: it is refused, and has a class: %s", name, a.Verdict.Class)
	}
}

func TestWhatDidNotPassOrWasNotEvaluatedIsNotJudgedAtAll(t *testing.T) {
	for name, c := range map[string]struct {
		given func(*release.Case)
		why   string
	}{
		"nothing ran before":         {func(c *release.Case) { c.From = attest.Run{} }, "does not run in qa, and live takes only what has passed there (nothing runs there); deploy it to qa first"},
		"another release ran before": {func(c *release.Case) { c.From.Release = "c0ffee" }, "(c0ffee runs there); deploy it to qa first"},
		"never evaluated":            {func(c *release.Case) { c.Evaluation = nil }, "was not evaluated in qa, and live asks for an evaluation"},
		"another was evaluated":      {func(c *release.Case) { c.Evaluation.Release = "c0ffee" }, "the evaluation is of release c0ffee"},
		"evaluated elsewhere":        {func(c *release.Case) { c.Evaluation.Environment = "dev" }, `the evaluation was made in "dev"; it has to be made in qa`},
		"evaluated long ago":         {func(c *release.Case) { c.Evaluation.At = noon.Add(-15 * 24 * time.Hour) }, "older than the 14d that are allowed: evaluate again"},
		"evaluated tomorrow":         {func(c *release.Case) { c.Evaluation.At = noon.Add(24 * time.Hour) }, "which has not come yet"},
		"scores too little":          {func(c *release.Case) { c.Evaluation.Scores["task_success"] = 89.9 }, "task_success is 89.9%, below 90%"},
		"scores nothing":             {func(c *release.Case) { c.Evaluation.Scores = nil }, "task_success was not measured, and has to reach 90%"},
		"evaluated on other data":    {drifted(0.9), "claims-made-up has drifted 87.89% from claims-real by amount (psi), more than the 25% that are bearable"},
		"evaluated on unknown data":  {func(c *release.Case) { c.Evaluation.Reference = nil }, "tells no profile of the real data"},
		"for another environment":    {func(c *release.Case) { c.Environment = "moon" }, "declares no environment moon"},
	} {
		asked := asks(t)
		c.given(&asked)
		refused(t, name, asked, c.why)
	}
}

// drifted has the evaluation made on data where another part of the amounts is low.
func drifted(low float64) func(*release.Case) {
	return func(c *release.Case) {
		c.Evaluation.Data.Profile = attest.Profile{"amount": {"low": low, "high": 1 - low}}
	}
}

func TestDriftThatIsBearableIsAWarningOfEitherBar(t *testing.T) {
	const says = "claims-made-up has drifted 16.95% from claims-real by amount (psi)"
	for name, edits := range map[string][]edit{
		"by both":                  nil,
		"by what runs alone":       {{"live.yaml", "warn: 10%", "warn: 20%"}},
		"by what it asks for more": {{"live.yaml", "warn: 10%", "warn: 5%"}},
	} {
		c := asks(t, edits...)
		drifted(0.7)(&c)
		if _, warnings, err := release.Judge(c); err != nil || !reflect.DeepEqual(warnings, []string{says}) {
			t.Errorf("%s: %q, %v", name, warnings, err)
		}
	}
}

// The first environments of a company ask for nothing: what comes there needs no approver.
func TestWhereNobodyIsNamedAndNothingIsAskedTheReleaseItselfIsEnough(t *testing.T) {
	c := asks(t)
	c.Environment, c.From, c.Evaluation = "qa", attest.Run{}, nil
	c.Standing.Rules, c.Standing.Evaluation = attest.Rules{}, nil
	if got := judged(t, c); !reflect.DeepEqual(got.Verdict, attest.Verdict{Class: attest.Automatic}) || !reflect.DeepEqual(got.Rules, attest.Rules{Approvers: map[string][]string{}}) {
		t.Errorf("%+v", got)
	}
}

func TestMoreThanWasDeclaredIsRefusedWithWhatItIs(t *testing.T) {
	dir := laid(t)
	write(t, filepath.Join(dir, "assembly", "assembly-live", "harbor-live-claims.template.json"),
		`{"Resources":{"Wild":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"wild","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Sid":"Anybody","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]},"Policies":[{"PolicyName":"p","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Sid":"Everything","Effect":"Allow","Action":"*","Resource":"*"}]}}]}}}}`)
	c := asks(t)
	c.Release = made(t, dir)
	c.From.Release, c.Evaluation.Release = c.Release.Digest, c.Release.Digest
	_, _, err := release.Judge(c)
	if err == nil {
		t.Fatal("a role that anybody may take and that may do everything was judged")
	}
	for _, says := range []string{"what was synthesized is more than what was declared:\n", "633333333312 /wild: it stands in no boundary [boundary]", "statement Everything"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("it does not say %q: %v", says, err)
		}
	}
}

func TestWhatCannotBeReadIsNotProven(t *testing.T) {
	dir := laid(t)
	write(t, filepath.Join(dir, "assembly", "assembly-live", "harbor-live-claims.template.json"),
		`{"Resources":{"Role":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Fn::Transform":{"Name":"x"}}}}}}`)
	c := asks(t)
	c.Release = made(t, dir)
	c.From.Release, c.Evaluation.Release = c.Release.Digest, c.Release.Digest
	refused(t, "a macro", c, "UNREADABLE")
}

package codepipeline_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"remit/lambdas/gate"
	"remit/lambdas/gate/codepipeline"
)

// fake is CodePipeline in one state, which remembers what it was told.
type fake struct {
	state []types.StageState
	told  []api.PutApprovalResultInput
	fails error
}

func (f *fake) GetPipelineState(_ context.Context, in *api.GetPipelineStateInput, _ ...func(*api.Options)) (*api.GetPipelineStateOutput, error) {
	if aws.ToString(in.Name) != "acme" {
		return nil, errors.New("there is no pipeline " + aws.ToString(in.Name))
	}
	return &api.GetPipelineStateOutput{StageStates: f.state}, f.fails
}

func (f *fake) PutApprovalResult(_ context.Context, in *api.PutApprovalResultInput, _ ...func(*api.Options)) (*api.PutApprovalResultOutput, error) {
	f.told = append(f.told, *in)
	return &api.PutApprovalResultOutput{}, f.fails
}

// stage is one with a step, each as far as it is.
func stage(name, execution, action string, status types.ActionExecutionStatus, token string) types.StageState {
	s := types.StageState{StageName: &name, ActionStates: []types.ActionState{{ActionName: aws.String("judge-" + name), LatestExecution: &types.ActionExecution{Status: types.ActionExecutionStatusSucceeded}}, {ActionName: &action}}}
	if execution != "" {
		s.LatestExecution = &types.StageExecution{PipelineExecutionId: &execution, Status: types.StageExecutionStatusInProgress}
	}
	if status != "" {
		s.ActionStates[1].LatestExecution = &types.ActionExecution{Status: status}
	}
	if token != "" {
		s.ActionStates[1].LatestExecution.Token = &token
	}
	return s
}

func TestItFindsTheRunThatWaitsBeforeAnEnvironmentAndItsToken(t *testing.T) {
	const going, done = types.ActionExecutionStatusInProgress, types.ActionExecutionStatusSucceeded
	for name, c := range map[string]struct {
		state []types.StageState
		want  gate.Run
	}{
		"it waits":                        {[]types.StageState{stage("stage", "run-1", "approve-stage", done, ""), stage("prod", "run-2", "approve-prod", going, "t2")}, gate.Run{Execution: "run-2", Token: "t2"}},
		"another waits elsewhere as well": {[]types.StageState{stage("stage", "run-3", "approve-stage", going, "t3"), stage("prod", "run-2", "approve-prod", going, "t2")}, gate.Run{Execution: "run-2", Token: "t2"}},
		"only elsewhere":                  {[]types.StageState{stage("stage", "run-3", "approve-stage", going, "t3"), stage("prod", "run-2", "approve-prod", done, "")}, gate.Run{}},
		"it was answered":                 {[]types.StageState{stage("prod", "run-2", "approve-prod", done, "t2")}, gate.Run{}},
		"it was refused":                  {[]types.StageState{stage("prod", "run-2", "approve-prod", types.ActionExecutionStatusFailed, "")}, gate.Run{}},
		"another step is under way":       {[]types.StageState{stage("prod", "run-2", "deploy-prod", going, "")}, gate.Run{}},
		"another environment's step":      {[]types.StageState{stage("prod", "run-2", "approve-stage", going, "t2")}, gate.Run{}},
		"it never came so far":            {[]types.StageState{stage("prod", "run-2", "approve-prod", "", "")}, gate.Run{}},
		"the stage never ran":             {[]types.StageState{stage("prod", "", "approve-prod", going, "t2")}, gate.Run{}},
		"no stages":                       {nil, gate.Run{}},
	} {
		got, err := codepipeline.Pipeline{Client: &fake{state: c.state}, Name: "acme"}.Waiting(t.Context(), "prod")
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAPipelineThatCannotBeLookedAtWaitsWithNothing(t *testing.T) {
	away := errors.New("away")
	waits := &fake{state: []types.StageState{stage("prod", "run-2", "approve-prod", types.ActionExecutionStatusInProgress, "t2")}, fails: away}
	if got, err := (codepipeline.Pipeline{Client: waits, Name: "acme"}).Waiting(t.Context(), "prod"); got != (gate.Run{}) || !errors.Is(err, away) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnAnswerIsGivenToTheStepThatWaitsUnderItsToken(t *testing.T) {
	for _, c := range []struct {
		open bool
		want types.ApprovalStatus
	}{{true, types.ApprovalStatusApproved}, {false, types.ApprovalStatusRejected}} {
		f := &fake{}
		if err := (codepipeline.Pipeline{Client: f, Name: "acme"}).Answer(t.Context(), "prod", gate.Run{Execution: "run-2", Token: "t2"}, c.open, "because"); err != nil {
			t.Fatal(err)
		}
		want := []api.PutApprovalResultInput{{PipelineName: aws.String("acme"), StageName: aws.String("prod"), ActionName: aws.String("approve-prod"), Token: aws.String("t2"), Result: &types.ApprovalResult{Status: c.want, Summary: aws.String("because")}}}
		if !reflect.DeepEqual(f.told, want) {
			t.Errorf("open %v: it was told %+v", c.open, f.told)
		}
	}
}

func TestAnAnswerThatWasGivenAlreadyIsNoErrorAndAnyOtherFailureIs(t *testing.T) {
	for name, c := range map[string]struct {
		fails error
		isErr bool
	}{
		"answered already":   {&types.ApprovalAlreadyCompletedException{}, false},
		"another token":      {&types.InvalidApprovalTokenException{}, true},
		"no such step":       {&types.ActionNotFoundException{}, true},
		"it cannot be asked": {errors.New("away"), true},
	} {
		err := codepipeline.Pipeline{Client: &fake{fails: c.fails}, Name: "acme"}.Answer(t.Context(), "prod", gate.Run{Token: "t2"}, true, "because")
		if (err != nil) != c.isErr || c.isErr && !errors.Is(err, c.fails) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASummaryIsAsLongAsCodePipelineTakesAndCutBetweenLetters(t *testing.T) {
	for why, want := range map[string]string{
		"":                             "",
		strings.Repeat("x", 512):       strings.Repeat("x", 512),
		strings.Repeat("x", 513):       strings.Repeat("x", 512),
		strings.Repeat("ä", 256):       strings.Repeat("ä", 256),
		"x" + strings.Repeat("ä", 256): "x" + strings.Repeat("ä", 255),
		strings.Repeat("€", 200):       strings.Repeat("€", 170),
		strings.Repeat("🏦", 200):       strings.Repeat("🏦", 128),
		"a\xff" + "b":                  "a\uFFFDb",
	} {
		f := &fake{}
		if err := (codepipeline.Pipeline{Client: f, Name: "acme"}).Answer(t.Context(), "prod", gate.Run{Token: "t2"}, false, why); err != nil {
			t.Fatal(err)
		}
		if got := aws.ToString(f.told[0].Result.Summary); got != want || !utf8.ValidString(got) {
			t.Errorf("%d bytes became %q", len(why), got)
		}
	}
}

// notice is CodePipeline's own example (CodePipeline User Guide, approvals-json-format), for our
// pipeline.
const notice = `{
  "region": "us-east-2",
  "consoleLink": "https://console.aws.amazon.com/codepipeline/home?region=us-east-2#/view/acme",
  "approval": {
    "pipelineName": "acme",
    "stageName": "prod",
    "actionName": "approve-prod",
    "token": "1a2b3c4d-573f-4ea7-a67E-XAMPLETOKEN",
    "expires": "2016-07-07T20:22Z",
    "externalEntityLink": "http://example.com",
    "approvalReviewLink": "https://console.aws.amazon.com/codepipeline/home?region=us-east-2#/view/acme/prod/approve-prod/approve/1a2b3c4d-573f-4ea7-a67E-XAMPLETOKEN",
    "customData": "run-2"
  }
}`

func TestANoticeTellsWhichRunWaitsBeforeWhichEnvironment(t *testing.T) {
	environment, execution, err := codepipeline.Pipeline{Name: "acme"}.Read(notice)
	if environment != "prod" || execution != "run-2" || err != nil {
		t.Errorf("%q, %q, %v", environment, execution, err)
	}
}

func TestANoticeOfNoGateOfThisPipelineIsRefused(t *testing.T) {
	replaced := func(was, is string) string { return strings.Replace(notice, was, is, 1) }
	for name, c := range map[string]struct{ notice, why string }{
		"another pipeline":     {replaced(`"pipelineName": "acme"`, `"pipelineName": "apex"`), "a notice of apex/prod/approve-prod is none of a gate of acme"},
		"another step":         {replaced(`"approve-prod"`, `"deploy-prod"`), "a notice of acme/prod/deploy-prod is none of a gate of acme"},
		"another stage's step": {replaced(`"approve-prod"`, `"approve-stage"`), "a notice of acme/prod/approve-stage is none of a gate of acme"},
		"without a run":        {replaced(`"run-2"`, `" "`), "a notice of acme/prod/approve-prod is none of a gate of acme"},
		"without a stage":      {replaced(`"stageName": "prod",`, ""), "a notice of acme//approve-prod is none of a gate of acme"},
		"of something else":    {`{"Event":"s3:TestEvent"}`, "a notice of // is none of a gate of acme"},
		"no JSON":              {"hello", "this is no notice of CodePipeline: invalid character 'h' looking for beginning of value"},
		"nothing":              {"", "this is no notice of CodePipeline: unexpected end of JSON input"},
	} {
		environment, execution, err := codepipeline.Pipeline{Name: "acme"}.Read(c.notice)
		if err == nil || err.Error() != c.why || environment != "" || execution != "" {
			t.Errorf("%s: %q, %q, %v", name, environment, execution, err)
		}
	}
	if environment, _, err := (codepipeline.Pipeline{}).Read(`{"approval":{"actionName":"approve-","customData":"run-2"}}`); err == nil {
		t.Errorf("a pipeline without a name takes a notice before %q", environment)
	}
}

// Package codepipeline is the port of a gate to AWS CodePipeline: it finds where a pipeline waits
// for approval and answers there. It knows the names that package pipeline gives to stages and
// steps, and nothing of what is approved. Start with [Pipeline].
package codepipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"remit/lambdas/gate"
)

// API is the part of CodePipeline that a gate takes: two methods, two actions in the role.
type API interface {
	GetPipelineState(context.Context, *codepipeline.GetPipelineStateInput, ...func(*codepipeline.Options)) (*codepipeline.GetPipelineStateOutput, error)
	PutApprovalResult(context.Context, *codepipeline.PutApprovalResultInput, ...func(*codepipeline.Options)) (*codepipeline.PutApprovalResultOutput, error)
}

// Pipeline is one pipeline.
type Pipeline struct {
	Client API
	Name   string
}

// action is the step of a stage that waits; see package pipeline.
func action(environment string) string { return "approve-" + environment }

// Waiting implements [gate.Pipeline].
func (p Pipeline) Waiting(ctx context.Context, environment string) (gate.Run, error) {
	state, err := p.Client.GetPipelineState(ctx, &codepipeline.GetPipelineStateInput{Name: &p.Name})
	if err != nil {
		return gate.Run{}, err
	}
	for _, stage := range state.StageStates {
		if aws.ToString(stage.StageName) != environment || stage.LatestExecution == nil {
			continue
		}
		for _, a := range stage.ActionStates {
			if aws.ToString(a.ActionName) == action(environment) && a.LatestExecution != nil && a.LatestExecution.Status == types.ActionExecutionStatusInProgress {
				return gate.Run{Execution: aws.ToString(stage.LatestExecution.PipelineExecutionId), Token: aws.ToString(a.LatestExecution.Token)}, nil
			}
		}
	}
	return gate.Run{}, nil
}

// maxSummary is the longest summary that CodePipeline takes (PutApprovalResult API), in bytes,
// however it counts.
const maxSummary = 512

// summary is a text cut to what CodePipeline takes, between two letters.
func summary(why string) string {
	why = strings.ToValidUTF8(why, "\uFFFD")
	if len(why) <= maxSummary {
		return why
	}
	cut := maxSummary
	for !utf8.RuneStart(why[cut]) {
		cut--
	}
	return why[:cut]
}

// Answer implements [gate.Pipeline].
func (p Pipeline) Answer(ctx context.Context, environment string, r gate.Run, open bool, why string) error {
	status := types.ApprovalStatusRejected
	if open {
		status = types.ApprovalStatusApproved
	}
	_, err := p.Client.PutApprovalResult(ctx, &codepipeline.PutApprovalResultInput{
		PipelineName: &p.Name, StageName: &environment, ActionName: aws.String(action(environment)), Token: &r.Token,
		Result: &types.ApprovalResult{Status: status, Summary: aws.String(summary(why))},
	})
	if _, done := errors.AsType[*types.ApprovalAlreadyCompletedException](err); done {
		return nil
	}
	return err
}

// Notice is what CodePipeline publishes when it comes to an approval (CodePipeline User Guide,
// approvals-json-format). The pipeline puts the id of its run into the custom data.
type Notice struct {
	Approval struct{ PipelineName, StageName, ActionName, CustomData string }
}

// Read answers which run waits before which environment, from the text of a notice.
func (p Pipeline) Read(notice string) (environment, execution string, err error) {
	var n Notice
	if err := json.Unmarshal([]byte(notice), &n); err != nil {
		return "", "", fmt.Errorf("this is no notice of CodePipeline: %w", err)
	}
	a := n.Approval
	if a.PipelineName != p.Name || a.StageName == "" || a.ActionName != action(a.StageName) || strings.TrimSpace(a.CustomData) == "" {
		return "", "", fmt.Errorf("a notice of %s/%s/%s is none of a gate of %s", a.PipelineName, a.StageName, a.ActionName, p.Name)
	}
	return a.StageName, a.CustomData, nil
}

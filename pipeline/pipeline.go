// Package pipeline is the way of a commit through the environments: its stages, their steps in
// order, what each step runs and as which role. It is the same list that CodePipeline gets and
// that a rehearsal walks. It knows no AWS service and runs nothing. Start with [Of].
//
// A commit's own code runs in one step, the tests, whose role can do nothing with what it makes.
// Everything after that is run by the tool that an administrator deployed with the pipeline, on
// the commit's declaration alone: a commit changes what is declared and never what judges it.
package pipeline

import (
	"fmt"

	"remit/platform"
)

// Kind is what a step is. The zero Kind is no step.
type Kind string

// The kinds.
const (
	Test       Kind = "test"       // the commit's own tests
	Synthesize Kind = "synthesize" // declaration to assembly, once
	Evaluate   Kind = "evaluate"   // the release in the environment that it comes from
	Judge      Kind = "judge"      // what it means for the environment, signed
	Approve    Kind = "approve"    // until whoever has to agree has agreed; answered by the gate
	Fence      Kind = "fence"      // deploy the boundaries
	Deploy     Kind = "deploy"     // deploy everything else, compare, and note what runs
)

// The roles of steps: Kinds share one where the one may do what the other does.
const (
	TestRole     = "test"
	JudgeRole    = "judge"
	EvaluateRole = "evaluate"
	FenceRole    = "fence"
	DeployRole   = "deploy"
)

// Roles is the role of each kind of step. What waits for people runs nothing.
var Roles = map[Kind]string{Test: TestRole, Synthesize: JudgeRole, Judge: JudgeRole, Evaluate: EvaluateRole, Fence: FenceRole, Deploy: DeployRole}

// The variables that commands are written in.
const (
	Source     = "REMIT_SOURCE"     // the commit's checkout, with its history
	Release    = "REMIT_RELEASE"    // the release's directory
	Execution  = "REMIT_EXECUTION"  // the run's id
	Revision   = "REMIT_REVISION"   // the commit
	Tools      = "REMIT_TOOLS"      // the directory of remit, what synthesizes, and the built functions
	Evaluation = "REMIT_EVALUATION" // the checkout of what evaluates
	Result     = "REMIT_RESULT"     // where an evaluation writes its result
)

// Step is one thing the pipeline does, or waits for.
type Step struct {
	Name        string
	Kind        Kind
	Environment string // "" where it is for all
	Commands    []string
}

// Stage is steps that follow each other.
type Stage struct {
	Name  string
	Steps []Step
}

// Of is the pipeline of a declaration; nil where it declares none. Environments come in the
// order in which releases pass them.
func Of(p *platform.Platform) []Stage {
	if p.Shared == nil || p.Shared.Pipeline == nil {
		return nil
	}
	declared := p.Shared.Pipeline
	stages := []Stage{{"release", []Step{test(declared), synthesize(declared)}}}
	for _, e := range p.Environments {
		if e.Deploy.ByPipeline() {
			stages = append(stages, Stage{e.Name, steps(declared, e)})
		}
	}
	return stages
}

func test(d *platform.Promotion) Step {
	return Step{Name: "test", Kind: Test, Commands: []string{`cd "$REMIT_SOURCE"`, d.Test}}
}

func synthesize(d *platform.Promotion) Step {
	return Step{Name: "synthesize", Kind: Synthesize, Commands: []string{
		`mkdir -p "$REMIT_RELEASE/declaration"`,
		fmt.Sprintf(`cp "$REMIT_SOURCE/%s"/*.yaml "$REMIT_RELEASE/declaration/"`, d.Directory),
		`remit check "$REMIT_RELEASE/declaration"`,
		`cdk synth --quiet --no-notices --app remit-app -c release=yes -c platform="$REMIT_RELEASE/declaration" -o "$REMIT_RELEASE/assembly"`,
		`remit release make "$REMIT_RELEASE"`,
	}}
}

func steps(d *platform.Promotion, e platform.Environment) []Step {
	var out []Step
	of := func(kind Kind, commands ...string) {
		out = append(out, Step{Name: string(kind) + "-" + e.Name, Kind: kind, Environment: e.Name, Commands: commands})
	}
	if e.Evaluation != nil {
		of(Evaluate, `cd "$REMIT_EVALUATION"`, d.Evaluation.Command, fmt.Sprintf(`remit release evaluated %s "$REMIT_RELEASE" "$REMIT_RESULT"`, e.Name))
	}
	of(Judge, fmt.Sprintf(`remit release judge %s "$REMIT_RELEASE"`, e.Name))
	if len(e.Deploy.Approvers) > 0 {
		of(Approve)
	}
	of(Fence, publishes(e, "fence")...)
	of(Deploy, append(publishes(e, "stacks"),
		fmt.Sprintf(`remit compare --env %s --assembly "$REMIT_RELEASE/assembly" "$REMIT_RELEASE/declaration"`, e.Name),
		fmt.Sprintf(`remit release record %s "$REMIT_RELEASE"`, e.Name))...)
	return out
}

// publishes lays what was attested beside what it speaks of, and deploys one of the two sets of
// stacks, each by its own roles.
func publishes(e platform.Environment, set string) []string {
	return []string{
		fmt.Sprintf(`remit release publish %s %s "$REMIT_RELEASE"`, e.Name, set),
		fmt.Sprintf(`cdk deploy --app "$REMIT_RELEASE/assembly" --exclusively --require-approval never --no-notices $(remit release stacks %s %s "$REMIT_RELEASE")`, e.Name, set),
	}
}

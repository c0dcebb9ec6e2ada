package constructs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"remit/attest"
	"remit/grants"
	"remit/iam"
	"remit/pipeline"
	"remit/platform"
)

// Administration adds what an administrator deploys, with their own credentials and never
// through the pipeline: the pipeline itself, the hooks of the accounts that only it deploys to,
// and the guardrails above all accounts.
func Administration(app constructs.Construct, p *platform.Platform, b Built) {
	if pipeline.Of(p) != nil {
		pipelineStage(app, p, b)
	}
	if site := p.SharedSite(platform.OrganizationAccount); site.Account != "" {
		guardrails(app, p, site)
	}
}

// administered is a stack that deploys with the credentials of whoever runs the CDK CLI.
func administered(stage awscdk.Stage, site platform.Site, id, name, description string) stack {
	return stack{name: name, Stack: awscdk.NewStack(stage, jsii.String(id), &awscdk.StackProps{
		StackName: jsii.String(name), Description: jsii.String(description), TerminationProtection: jsii.Bool(true),
		Env: &awscdk.Environment{Account: jsii.String(string(site.Account)), Region: jsii.String(site.Region)},
		Synthesizer: awscdk.NewCliCredentialsStackSynthesizer(&awscdk.CliCredentialsStackSynthesizerProps{
			Qualifier: jsii.String(platform.Qualifier), FileAssetsBucketName: jsii.String(site.AssetBucket()), BucketPrefix: jsii.String(platform.AdministrationAssets),
		}),
	})}
}

func stageOf(app constructs.Construct, p *platform.Platform, name string) awscdk.Stage {
	stage := awscdk.NewStage(app, jsii.String(name), nil)
	tag(stage, label{"remit:platform", p.Name})
	return stage
}

func pipelineStage(app constructs.Construct, p *platform.Platform, b Built) {
	stage, site := stageOf(app, p, platform.PipelineStage(p)), p.SharedSite(platform.Pipeline)
	fence := administered(stage, site, site.FenceStack(), site.FenceStack(), "Remit: the permissions boundaries of the pipeline's account")
	boundaries(fence, grants.PipelineFence(p))
	s := administered(stage, site, site.AccountStack(), site.AccountStack(), "Remit: from commit to production, by digest and through the gate")
	s.AddStackDependency(fence.Stack, nil)
	pipelineStack(s, p, site, b)
	hooks := stageOf(app, p, platform.HookStage(p))
	for _, e := range p.Environments {
		for _, there := range p.Hooked(e) {
			hook(hooks, p, e, there, b)
		}
	}
}

// raw is a resource of a type whose L1 would only add compile time: properties as CloudFormation
// has them.
func raw(s stack, id, kind string, properties map[string]any) awscdk.CfnResource {
	return awscdk.NewCfnResource(s.Stack, jsii.String(id), &awscdk.CfnResourceProps{Type: jsii.String(kind), Properties: &properties})
}

func pipelineStack(s stack, p *platform.Platform, site platform.Site, b Built) {
	world := grants.Pipeline(p)
	kept := p.SharedSettings()
	keys := symbols{}
	for _, signer := range []string{attest.Judge, attest.Gate, attest.Evaluator} {
		keys[platform.Symbol(s.name, platform.SignerKeyID(signer))] = signerKey(s, site, signer, policyOf(world, iam.ARN(site.KeyARN(platform.SignerKeyID(signer))))).Ref()
	}
	made := roles(s, world, keys)
	shelved := keptBucket(s, "Shelf", site.ShelfBucket(), policyOf(world, iam.ARN("arn:"+site.Partition()+":s3:::"+site.ShelfBucket())))
	artifacts := keptBucket(s, "Artifacts", site.ArtifactBucket(), policyOf(world, iam.ARN("arn:"+site.Partition()+":s3:::"+site.ArtifactBucket())))
	topic := raw(s, "Waits", "AWS::SNS::Topic", map[string]any{"TopicName": site.Named("waits")})
	gateFunction(s, p, site, kept, made[roleID(s, iam.ARN(site.Role(platform.Pipeline, "gate")))], topic, b)
	images(s, p, site, world)
	for _, kind := range slices.Sorted(maps.Keys(pipeline.Roles)) {
		project(s, p, site, kept, kind, made[roleID(s, iam.ARN(site.Role(platform.Pipeline, pipeline.Roles[kind])))])
	}
	way := raw(s, "Pipeline", "AWS::CodePipeline::Pipeline", map[string]any{
		"Name": site.Named(), "PipelineType": "V2", "ExecutionMode": "QUEUED", "RestartExecutionOnUpdate": false,
		"RoleArn":       made[roleID(s, iam.ARN(site.Role(platform.Pipeline, "service")))].AttrArn(),
		"ArtifactStore": map[string]any{"Type": "S3", "Location": artifacts.Ref()},
		"Stages":        stages(p, site, topic),
	})
	way.AddResourceDependency(shelved, nil)
}

func policyOf(w iam.World, arn iam.ARN) iam.Policy {
	i := slices.IndexFunc(w.Policies, func(policy iam.Policy) bool { return policy.ARN == arn })
	if i < 0 {
		panic("constructs: no grant for " + string(arn)) // a mistake in package grants
	}
	return w.Policies[i]
}

func signerKey(s stack, site platform.Site, signer string, policy iam.Policy) awskms.CfnKey {
	k := awskms.NewCfnKey(s.Stack, jsii.String(platform.SignerKeyID(signer)), &awskms.CfnKeyProps{
		Description: jsii.String("Remit: what the " + signer + " of releases signs with"), PendingWindowInDays: jsii.Number(30),
		KeySpec: jsii.String("ECC_NIST_P256"), KeyUsage: jsii.String("SIGN_VERIFY"), KeyPolicy: document(s, policy.Document, nil),
	})
	k.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	awskms.NewCfnAlias(s.Stack, jsii.String(platform.SignerKeyID(signer)+"Alias"), &awskms.CfnAliasProps{
		AliasName: jsii.String(iam.ARN(site.SignerAlias(signer)).Part(5)), TargetKeyId: k.Ref(),
	})
	return k
}

// keptBucket is a bucket that keeps every version of what is in it, and outlives its stack.
func keptBucket(s stack, id, name string, policy iam.Policy) awscdk.CfnResource {
	bucket := raw(s, id, "AWS::S3::Bucket", map[string]any{
		"BucketName": name, "VersioningConfiguration": map[string]any{"Status": "Enabled"},
		"BucketEncryption": map[string]any{"ServerSideEncryptionConfiguration": []any{
			map[string]any{"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "AES256"}},
		}},
		"PublicAccessBlockConfiguration": map[string]any{"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
		"OwnershipControls":              map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "BucketOwnerEnforced"}}},
	})
	bucket.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	raw(s, id+"Policy", "AWS::S3::BucketPolicy", map[string]any{"Bucket": bucket.Ref(), "PolicyDocument": document(s, policy.Document, nil)})
	return bucket
}

// gateFunction is the gate, the topic on which it hears that the pipeline waits, and the address
// at which AWS signs approvers in.
func gateFunction(s stack, p *platform.Platform, site platform.Site, kept platform.Environment, role awsiam.CfnRole, topic awscdk.CfnResource, b Built) {
	f := functionOf(s, b, kept, function{
		id: "Gate", name: site.Named("gate"), kind: "gate", says: "the gate of " + p.Name + "'s pipeline", role: role, memory: 512, timeout: 60,
		environment: map[string]*string{
			"REMIT_PLATFORM": jsii.String(p.Name), "REMIT_PIPELINE": jsii.String(site.Named()), "REMIT_APPROVER": jsii.String(site.Role(platform.Pipeline, "approver")),
			"REMIT_SHELF": jsii.String(site.ShelfBucket()), "REMIT_ACCOUNT": jsii.String(string(site.Account)),
			"REMIT_KEY_JUDGE": jsii.String(site.SignerAlias(attest.Judge)), "REMIT_KEY_GATE": jsii.String(site.SignerAlias(attest.Gate)),
		},
	})
	url := awslambda.NewCfnUrl(s.Stack, jsii.String("GateUrl"), &awslambda.CfnUrlProps{
		TargetFunctionArn: f.Ref(), Qualifier: jsii.String(platform.Live), AuthType: jsii.String("AWS_IAM"), InvokeMode: jsii.String("RESPONSE_STREAM"),
	})
	url.AddResourceDependency(f.alias, nil)
	awsssm.NewCfnParameter(s.Stack, jsii.String("GateAddress"), &awsssm.CfnParameterProps{
		Name: jsii.String(platform.GateURL(site)), Type: jsii.String("String"), Value: url.AttrFunctionUrl(), Description: jsii.String("Remit: where releases are approved"),
	})
	may := invokedBy(s, f, grants.NoticePolicy(p, site))
	raw(s, "GateHears", "AWS::SNS::Subscription", map[string]any{"TopicArn": topic.Ref(), "Protocol": "lambda", "Endpoint": string(grants.NoticePolicy(p, site).ARN)}).AddResourceDependency(may, nil)
}

// images is one repository for each agent, whose tags never move, copied by digest to every
// environment that the pipeline deploys.
func images(s stack, p *platform.Platform, site platform.Site, world iam.World) {
	for _, agent := range p.Agents {
		repository := raw(s, platform.Pascal(agent.Name)+"Images", "AWS::ECR::Repository", map[string]any{
			"RepositoryName": platform.AgentSite{Site: site, Agent: agent.Name}.Repository(), "RepositoryPolicyText": document(s, policyOf(world, iam.ARN(site.ARN("ecr", "repository/"+platform.AgentSite{Site: site, Agent: agent.Name}.Repository()))).Document, nil), "ImageTagMutability": "IMMUTABLE", "ImageScanningConfiguration": map[string]any{"ScanOnPush": true},
		})
		repository.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	}
	var to []any
	for _, e := range p.Environments {
		if there := p.Site(e, platform.PlatformAccount); e.Deploy.ByPipeline() {
			to = append(to, map[string]any{"Region": there.Region, "RegistryId": string(there.Account)})
		}
	}
	raw(s, "Replication", "AWS::ECR::ReplicationConfiguration", map[string]any{"ReplicationConfiguration": map[string]any{"Rules": []any{map[string]any{
		"Destinations": to, "RepositoryFilters": []any{map[string]any{"Filter": p.Name + "/", "FilterType": "PREFIX_MATCH"}},
	}}}})
}

// project is where the steps of one kind run. What they run comes with the step.
func project(s stack, p *platform.Platform, site platform.Site, kept platform.Environment, kind pipeline.Kind, role awsiam.CfnRole) {
	name, id := site.Named(string(kind)), platform.Pascal(string(kind))
	group := raw(s, id+"Logs", "AWS::Logs::LogGroup", map[string]any{"LogGroupName": "/aws/codebuild/" + name, "RetentionInDays": kept.Audit.Logs.Days()})
	made := raw(s, id+"Project", "AWS::CodeBuild::Project", map[string]any{
		"Name": name, "Description": "Remit: the " + string(kind) + " steps of the pipeline", "TimeoutInMinutes": 60,
		"ServiceRole": site.Role(platform.Pipeline, pipeline.Roles[kind]), // CDK's validator takes an attribute of the role for its name here (E3050)
		"Artifacts":   map[string]any{"Type": "CODEPIPELINE"},
		"Environment": map[string]any{
			"Type": "ARM_CONTAINER", "ComputeType": "BUILD_GENERAL1_MEDIUM", "Image": "aws/codebuild/amazonlinux-aarch64-standard:3.0", "PrivilegedMode": kind == pipeline.Test, // images are built with Docker
		},
		"Source":     map[string]any{"Type": "CODEPIPELINE", "BuildSpec": buildSpec(p, kind)},
		"LogsConfig": map[string]any{"CloudWatchLogs": map[string]any{"Status": "ENABLED", "GroupName": group.Ref()}},
	})
	made.AddResourceDependency(role, nil)
}

// The artifacts that steps hand on, by the names that CodeBuild knows their directories by.
const (
	sourceArtifact      = "Source"
	remitArtifact       = "Remit"
	evaluationsArtifact = "Evaluations"
	releaseArtifact     = "Release"
)

// buildSpec is what a project does with a step's commands, which come in one variable.
func buildSpec(p *platform.Platform, kind pipeline.Kind) string {
	here := "export " + pipeline.Source + `="$CODEBUILD_SRC_DIR"`
	phases := []string{here}
	if kind != pipeline.Test {
		phases = append(phases, tools(p.Shared.Pipeline.Remit, kind)...)
	}
	switch kind {
	case pipeline.Synthesize:
		phases = append(phases, "export "+pipeline.Release+`="$CODEBUILD_SRC_DIR/.release"`, "export "+pipeline.Revision+`="$(git -C "$CODEBUILD_SRC_DIR" rev-parse HEAD)"`)
	case pipeline.Judge:
		phases = append(phases, "export "+pipeline.Release+`="$CODEBUILD_SRC_DIR_Release"`)
	case pipeline.Evaluate:
		phases = append(phases, "export "+pipeline.Release+`="$CODEBUILD_SRC_DIR"`, "export "+pipeline.Evaluation+`="$CODEBUILD_SRC_DIR_Evaluations"`, "export "+pipeline.Result+`="$(mktemp)"`)
	case pipeline.Fence, pipeline.Deploy:
		phases = append(phases, "export "+pipeline.Release+`="$CODEBUILD_SRC_DIR"`)
	}
	spec := map[string]any{
		"version": "0.2", "env": map[string]any{"shell": "bash"},
		"phases":    map[string]any{"build": map[string]any{"on-failure": "ABORT", "commands": []string{"set -euo pipefail\n" + strings.Join(phases, "\n") + "\neval \"$REMIT_COMMANDS\""}}},
		"artifacts": map[string]any{"base-directory": ".release", "files": []string{"**/*"}},
	}
	if kind != pipeline.Synthesize {
		delete(spec, "artifacts")
	}
	text, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		panic(err) // maps of texts always encode
	}
	return string(text)
}

// tools builds the pinned Remit: a commit id names what it holds.
func tools(of platform.Pinned, kind pipeline.Kind) []string {
	out := []string{
		`export REMIT_TOOLS="$CODEBUILD_SRC_DIR_Remit/.tools/pipeline" PATH="$CODEBUILD_SRC_DIR_Remit/.tools/pipeline:$CODEBUILD_SRC_DIR_Remit/node_modules/.bin:$PATH"`,
		`cd "$CODEBUILD_SRC_DIR_Remit"`,
		fmt.Sprintf("git checkout --quiet --detach %s", of.Revision),
		`go build -trimpath -o "$REMIT_TOOLS/" ./cmd/remit`,
	}
	if kind == pipeline.Synthesize {
		out = append(out, `go build -trimpath -o "$REMIT_TOOLS/remit-app" .`, `go run ./artifact/build "$REMIT_TOOLS/lambdas"`, `export REMIT_FUNCTIONS="$REMIT_TOOLS/lambdas"`)
	}
	if kind != pipeline.Evaluate && kind != pipeline.Judge {
		out = append(out, "npm ci --silent")
	}
	return append(out, `cd "$CODEBUILD_SRC_DIR"`)
}

// stages is the pipeline as CodePipeline takes it.
func stages(p *platform.Platform, site platform.Site, topic awscdk.CfnResource) []any {
	out := []any{map[string]any{"Name": "source", "Actions": sources(p.Shared.Pipeline)}}
	for _, stage := range pipeline.Of(p) {
		var actions []any
		for i, step := range stage.Steps {
			actions = append(actions, action(site, topic, step, i+1))
		}
		out = append(out, map[string]any{"Name": stage.Name, "Actions": actions})
	}
	return out
}

// sources: a commit of the first starts a run, and one of the others does not.
func sources(d *platform.Promotion) []any {
	of := func(name, repository, branch string, starts bool) any {
		return map[string]any{
			"Name": name, "RunOrder": 1, "Namespace": name, "ActionTypeId": map[string]any{"Category": "Source", "Owner": "AWS", "Provider": "CodeStarSourceConnection", "Version": "1"},
			"Configuration":   map[string]any{"ConnectionArn": d.Connection, "FullRepositoryId": repository, "BranchName": branch, "DetectChanges": starts, "OutputArtifactFormat": "CODEBUILD_CLONE_REF"},
			"OutputArtifacts": []any{map[string]any{"Name": name}},
		}
	}
	return []any{of(sourceArtifact, d.Repository, d.Branch, true), of(remitArtifact, d.Remit.Repository, d.Remit.Branch, false), of(evaluationsArtifact, d.Evaluation.Repository, d.Evaluation.Branch, false)}
}

func action(site platform.Site, topic awscdk.CfnResource, step pipeline.Step, order int) any {
	out := map[string]any{"Name": step.Name, "RunOrder": order}
	if step.Kind == pipeline.Approve {
		out["ActionTypeId"] = map[string]any{"Category": "Approval", "Owner": "AWS", "Provider": "Manual", "Version": "1"}
		out["Configuration"] = map[string]any{"NotificationArn": topic.Ref(), "CustomData": "#{codepipeline.PipelineExecutionId}"}
		return out
	}
	takes, gives := artifactsOf(step.Kind)
	variables, err := json.Marshal([]any{
		map[string]any{"name": pipeline.Execution, "value": "#{codepipeline.PipelineExecutionId}"},
		map[string]any{"name": "REMIT_COMMANDS", "value": strings.Join(step.Commands, "\n")},
	})
	if err != nil {
		panic(err) // texts always encode
	}
	configuration := map[string]any{"ProjectName": site.Named(string(step.Kind)), "EnvironmentVariables": string(variables)}
	if len(takes) > 1 {
		configuration["PrimarySource"] = takes[0]
	}
	out["ActionTypeId"] = map[string]any{"Category": "Build", "Owner": "AWS", "Provider": "CodeBuild", "Version": "1"}
	out["Configuration"], out["InputArtifacts"] = configuration, artifactNames(takes)
	if gives != "" {
		out["OutputArtifacts"] = artifactNames([]string{gives})
	}
	return out
}

// artifactsOf is what a step takes, the one it works in first, and what it hands on.
func artifactsOf(kind pipeline.Kind) (takes []string, gives string) {
	switch kind {
	case pipeline.Test:
		return []string{sourceArtifact}, ""
	case pipeline.Synthesize:
		return []string{sourceArtifact, remitArtifact}, releaseArtifact
	case pipeline.Judge:
		return []string{sourceArtifact, remitArtifact, releaseArtifact}, ""
	case pipeline.Evaluate:
		return []string{releaseArtifact, remitArtifact, evaluationsArtifact}, ""
	}
	return []string{releaseArtifact, remitArtifact}, ""
}

func artifactNames(artifacts []string) []any {
	var out []any
	for _, name := range artifacts {
		out = append(out, map[string]any{"Name": name})
	}
	return out
}

// hook has CloudFormation ask, in one account, before it changes a stack.
func hook(stage awscdk.Stage, p *platform.Platform, e platform.Environment, site platform.Site, b Built) {
	s := administered(stage, site, site.HookStack(), site.HookStack(), "Remit: only what was attested is deployed to the "+site.Purpose+" account")
	world, shared := grants.Hook(p, e, site), p.SharedSite(platform.Pipeline)
	made := hookRoles(s, site, world)
	environment := map[string]*string{
		"REMIT_PLATFORM": jsii.String(p.Name), "REMIT_ENVIRONMENT": jsii.String(e.Name), "REMIT_APART": jsii.String(site.BootstrapStack() + "," + site.HookStack()),
		"REMIT_BUCKET": jsii.String(site.AssetBucket()), "REMIT_PREFIXES": jsii.String(platform.StackAssets + "," + platform.FenceAssets), "REMIT_ACCOUNT": jsii.String(string(site.Account)),
		"REMIT_SIGNERS": jsii.String("judge"), "REMIT_KEY_JUDGE": jsii.String(shared.SignerAlias(attest.Judge)), "REMIT_KEYS_REGION": jsii.String(shared.Region),
	}
	if len(e.Deploy.Approvers) > 0 {
		environment["REMIT_SIGNERS"] = jsii.String("judge,gate")
		environment["REMIT_KEY_GATE"] = jsii.String(shared.SignerAlias(attest.Gate))
	}
	f := functionOf(s, b, e, function{id: "Hook", name: site.HookFunction(), kind: "hook", says: "answers CloudFormation before it changes a stack of " + e.Name, role: made[iam.ARN(site.Role("hook")).Name()], memory: 1024, timeout: 29, environment: environment})
	raw(s, "LambdaHook", "AWS::CloudFormation::LambdaHook", map[string]any{
		"Alias": "Remit::" + platform.Pascal(site.Named()) + "::Attested", "LambdaFunction": f.alias.Ref(), "ExecutionRole": made[iam.ARN(site.Role("hook", "caller")).Name()].AttrArn(),
		"FailureMode": "FAIL", "HookStatus": "ENABLED", "TargetOperations": []any{"STACK", "CHANGE_SET"}, "TargetFilters": map[string]any{"Actions": []any{"CREATE", "UPDATE"}},
	})
}

// hookRoles makes the roles of a hook inside their boundaries, in the one stack that holds both.
func hookRoles(s stack, site platform.Site, world iam.World) map[string]awsiam.CfnRole {
	fences, made := map[iam.ARN]awscdk.CfnResource{}, map[string]awsiam.CfnRole{}
	id := func(arn iam.ARN) string { return platform.Pascal(strings.TrimPrefix(arn.Name(), site.Named()+"-")) }
	for _, policy := range world.Policies {
		fences[policy.ARN] = raw(s, id(policy.ARN)+"Boundary", "AWS::IAM::ManagedPolicy", map[string]any{"ManagedPolicyName": policy.ARN.Name(), "Path": platform.FencePath, "PolicyDocument": document(s, policy.Document, nil)})
	}
	for _, r := range world.Roles {
		made[r.ARN.Name()] = role(s, id(r.ARN)+"Role", r, nil)
		made[r.ARN.Name()].AddResourceDependency(fences[r.Boundary], nil)
	}
	return made
}

// guardrails is the policies above every environment's accounts, in the account that the
// organization's management account is, or delegated policies to.
func guardrails(app constructs.Construct, p *platform.Platform, site platform.Site) {
	s := administered(stageOf(app, p, platform.OrganizationStage(p)), site, site.Named("guardrails"), site.Named("guardrails"), "Remit: what nobody may do, whatever their own account gives them")
	for _, e := range p.Environments {
		for _, g := range grants.Guardrails(p, e) {
			raw(s, platform.Pascal(g.Name), "AWS::Organizations::Policy", map[string]any{
				"Name": g.Name, "Description": "Remit: " + g.Says, "Type": "SERVICE_CONTROL_POLICY", "Content": g.Document.Value(), "TargetIds": g.Accounts,
			})
		}
	}
}

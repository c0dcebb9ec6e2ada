// Package constructs turns a declaration and its grants into CloudFormation with the CDK:
// flat, one file per construct. With app.go it is the only place that knows jsii. It
// decides nothing about access: every document comes from package grants and is handed
// to CDK unchanged, through L1 constructs, because the L2s add statements of their own
// (aws/aws-cdk#35852, #38780). Start with [Environment].
package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"remit/grants"
	"remit/platform"
)

// Environment adds one environment's stage to the app: for each account a fence stack and
// what the account needs, for each agent what its lanes share, for each lane its own stack.
// A lane's stack depends on the others and none depends on it, so adding or promoting a
// lane changes no other stack.
func Environment(app constructs.Construct, p *platform.Platform, e platform.Environment, b Built) {
	stage := awscdk.NewStage(app, jsii.String(p.Name+"-"+e.Name), nil)
	tag(stage, label{"remit:platform", p.Name}, label{"remit:environment", e.Name})
	fences, accounts := map[string]stack{}, map[string]stack{}
	for _, site := range p.Sites(e) {
		fences[site.Purpose] = fenceStack(stage, p, e, site)
		accounts[site.Purpose] = accountStack(stage, p, e, site, b)
		accounts[site.Purpose].AddStackDependency(fences[site.Purpose].Stack, nil)
	}
	agents := map[string]stack{}
	for _, agent := range grants.Agents(p, e) {
		agents[agent.Agent] = agentStack(stage, p, e, agent)
		agents[agent.Agent].AddStackDependency(fences[platform.PlatformAccount].Stack, nil)
	}
	for _, lane := range p.Lanes(e) {
		s := laneStack(stage, p, lane, b)
		s.AddStackDependency(accounts[platform.PlatformAccount].Stack, nil)
		s.AddStackDependency(agents[lane.Agent].Stack, nil)
	}
}

// label is a tag's key and value.
type label struct{ key, value string }

// tag labels everything below a scope.
func tag(scope constructs.IConstruct, labels ...label) {
	tags := awscdk.Tags_Of(scope)
	for _, l := range labels {
		tags.Add(jsii.String(l.key), jsii.String(l.value), nil)
	}
}

// stack carries its name as Go text, because every question to jsii is a round trip.
// Resources stand directly below it: then their logical ids are their ids, without a
// hash, and templates, grants and findings call them the same.
type stack struct {
	awscdk.Stack
	name string
}

// deployment is the set of bootstrap roles a stack deploys through, and where in the asset
// bucket its template goes.
type deployment struct{ assets, deploy, execute, prefix string }

var (
	ordinary = deployment{"assets", "deploy", "execution", platform.StackAssets}
	fence    = deployment{"fence-assets", "fence-deploy", "fence-execution", platform.FenceAssets}
)

// newStack is a stack of a site that deploys through Remit's own bootstrap roles.
func newStack(stage awscdk.Stage, site platform.Site, name, description string, d deployment) stack {
	return stack{name: name, Stack: awscdk.NewStack(stage, jsii.String(name), &awscdk.StackProps{
		StackName:   jsii.String(name),
		Description: jsii.String(description),
		Env:         &awscdk.Environment{Account: jsii.String(string(site.Account)), Region: jsii.String(site.Region)},
		Synthesizer: awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{
			Qualifier:                         jsii.String(platform.Qualifier),
			DeployRoleArn:                     jsii.String(site.BootstrapRole(d.deploy)),
			CloudFormationExecutionRole:       jsii.String(site.BootstrapRole(d.execute)),
			FileAssetPublishingRoleArn:        jsii.String(site.BootstrapRole(d.assets)),
			LookupRoleArn:                     jsii.String(site.BootstrapRole("lookup")),
			FileAssetsBucketName:              jsii.String(site.AssetBucket()),
			BucketPrefix:                      jsii.String(d.prefix),
			BootstrapStackVersionSsmParameter: jsii.String(site.BootstrapParameter()),
			GenerateBootstrapVersionRule:      jsii.Bool(false), // the CLI reads the same parameter before it deploys
		}),
	})}
}

// keep applies the environment's declared removal to what holds data.
func keep(r awscdk.CfnResource, e platform.Environment) {
	policy := awscdk.RemovalPolicy_DESTROY
	if e.Removal == "retain" {
		policy = awscdk.RemovalPolicy_RETAIN
	}
	r.ApplyRemovalPolicy(policy, nil)
}

// fenceStack holds the boundaries, and deploys with the roles that can do nothing else.
func fenceStack(stage awscdk.Stage, p *platform.Platform, e platform.Environment, site platform.Site) stack {
	s := newStack(stage, site, site.FenceStack(), "Remit: the permissions boundaries of the "+site.Purpose+" account", fence)
	boundaries(s, grants.Fence(p, e, site))
	return s
}

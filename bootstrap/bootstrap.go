// Package bootstrap is the stack an administrator installs once in an account, before any
// other: the roles that deploy, their boundary, and the bucket templates go to. It stands
// beside CDK's stock bootstrap under its own qualifier and needs no Node. What the roles
// may do comes from package grants; this package only writes it as a template. Start with
// [Template]; [Guardrails] is what stands above them.
package bootstrap

import (
	"encoding/json"
	"slices"
	"strings"

	"remit/grants"
	"remit/iam"
	"remit/platform"
)

// Version is what the CDK CLI reads before it deploys. It counts like the stock bootstrap,
// whose version 21 and later features the CLI uses (aws-cdk CLI, bootstrap-template.yaml);
// raise it when this template changes what a deployment needs.
const Version = "32"

// Template is the CloudFormation template for one account of an environment, as JSON.
func Template(p *platform.Platform, e platform.Environment, site platform.Site) []byte {
	world := grants.Bootstrap(p, e, site)
	resources := map[string]any{
		"AssetBucket":         assetBucket(site),
		"CdkBootstrapVersion": versionParameter(site), // the CLI knows a modern bootstrap by this logical id
	}
	for _, policy := range world.Policies {
		switch {
		case string(policy.ARN) == site.BootstrapBoundary():
			resources[boundaryID] = managed(policy)
		case policy.Kind == "AWS::ECR::RegistryPolicy":
			resources["ImagesFromPipeline"] = resource(policy.Kind, map[string]any{"PolicyText": policy.Document.Value()})
		case policy.Kind == "managed":
			resources[policyID(site, policy.ARN)] = managed(policy)
		default:
			resources["AssetBucketPolicy"] = bucketPolicy(policy)
		}
	}
	for _, r := range world.Roles {
		resources[roleID(site, r)] = role(site, world, r)
	}
	text, err := json.MarshalIndent(map[string]any{
		"Description": "Remit: the roles that deploy " + site.Platform + " to the " + site.Purpose + " account of " + site.Environment + ". An administrator installs this once.",
		"Resources":   resources,
		"Outputs":     outputs(),
	}, "", "  ")
	if err != nil {
		panic(err) // maps of strings always encode
	}
	return append(text, '\n')
}

// Shared is the template for one of the company's own accounts, as JSON: only the bucket that
// templates and code go to. Whoever deploys there is an administrator and needs no other role.
func Shared(p *platform.Platform, site platform.Site) []byte {
	text, err := json.MarshalIndent(map[string]any{
		"Description": "Remit: where an administrator's stacks of " + p.Name + " go to in the " + site.Purpose + " account. An administrator installs this once.",
		"Resources": map[string]any{
			"AssetBucket": assetBucket(site), "CdkBootstrapVersion": versionParameter(site), "AssetBucketPolicy": bucketPolicy(grants.SharedBucket(p, site)),
		},
		"Outputs": outputs(),
	}, "", "  ")
	if err != nil {
		panic(err) // maps of strings always encode
	}
	return append(text, '\n')
}

func resource(kind string, properties map[string]any) map[string]any {
	return map[string]any{"Type": kind, "Properties": properties}
}

// assetBucket keeps every version of what was deployed, and outlives its stack.
func assetBucket(site platform.Site) map[string]any {
	bucket := resource("AWS::S3::Bucket", map[string]any{
		"BucketName":              site.AssetBucket(),
		"VersioningConfiguration": map[string]any{"Status": "Enabled"},
		"BucketEncryption": map[string]any{"ServerSideEncryptionConfiguration": []any{
			map[string]any{"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "AES256"}},
		}},
		"PublicAccessBlockConfiguration": map[string]any{"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
		"OwnershipControls":              map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "BucketOwnerEnforced"}}},
	})
	bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"] = "Retain", "Retain"
	return bucket
}

func bucketPolicy(policy iam.Policy) map[string]any {
	return resource("AWS::S3::BucketPolicy", map[string]any{
		"Bucket":         map[string]any{"Ref": "AssetBucket"},
		"PolicyDocument": policy.Document.Value(),
	})
}

// boundaryID is the logical id of the boundary of all bootstrap roles.
const boundaryID = "Boundary"

func managed(policy iam.Policy) map[string]any {
	return resource("AWS::IAM::ManagedPolicy", map[string]any{
		"ManagedPolicyName": policy.ARN.Name(),
		"Path":              platform.BootstrapPath,
		"PolicyDocument":    policy.Document.Value(),
	})
}

// role writes inline what no managed policy of the bootstrap holds, and attaches those.
func role(site platform.Site, world iam.World, r iam.Role) map[string]any {
	var attached []any
	for _, policy := range world.Policies {
		if policy.Kind == "managed" && string(policy.ARN) != site.BootstrapBoundary() && holds(r.Policy, policy.Document) {
			attached = append(attached, map[string]any{"Ref": policyID(site, policy.ARN)})
			r.Policy = without(r.Policy, policy.Document)
		}
	}
	properties := map[string]any{
		"RoleName":                 r.ARN.Name(),
		"Path":                     platform.BootstrapPath,
		"PermissionsBoundary":      map[string]any{"Ref": boundaryID},
		"AssumeRolePolicyDocument": r.Trust.Value(),
		"Policies":                 []any{map[string]any{"PolicyName": "remit", "PolicyDocument": r.Policy.Value()}},
	}
	if attached != nil {
		properties["ManagedPolicyArns"] = attached
	}
	return resource("AWS::IAM::Role", properties)
}

// holds reports whether every statement of a part is one of the whole.
func holds(whole, part iam.Document) bool {
	return len(without(whole, part).Statements) == len(whole.Statements)-len(part.Statements)
}

// without is the whole less the statements of a part, by their Sids.
func without(whole, part iam.Document) iam.Document {
	whole.Statements = slices.DeleteFunc(slices.Clone(whole.Statements), func(s iam.Statement) bool {
		return slices.ContainsFunc(part.Statements, func(p iam.Statement) bool { return p.Sid == s.Sid })
	})
	return whole
}

// policyID is ServingPolicy for …-bootstrap-serving.
func policyID(site platform.Site, arn iam.ARN) string {
	return platform.Pascal(strings.TrimPrefix(arn.Name(), site.BootstrapStack()+"-")) + "Policy"
}

// roleID is FenceDeployRole for …-bootstrap-fence-deploy.
func roleID(site platform.Site, r iam.Role) string {
	return platform.Pascal(strings.TrimPrefix(r.ARN.Name(), site.BootstrapStack()+"-")) + "Role"
}

func versionParameter(site platform.Site) map[string]any {
	return resource("AWS::SSM::Parameter", map[string]any{
		"Name": site.BootstrapParameter(), "Type": "String", "Value": Version,
	})
}

// outputs are what the CDK CLI looks up in a bootstrap stack.
func outputs() map[string]any {
	return map[string]any{
		"BucketName":       map[string]any{"Value": map[string]any{"Ref": "AssetBucket"}},
		"BucketDomainName": map[string]any{"Value": map[string]any{"Fn::GetAtt": []any{"AssetBucket", "RegionalDomainName"}}},
		"BootstrapVersion": map[string]any{"Value": Version},
	}
}

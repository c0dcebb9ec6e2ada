package constructs

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/jsii-runtime-go"

	"remit/artifact"
	"remit/platform"
)

// Built says where the compiled functions are and where their zips, with the documents that
// each decides by, are put.
type Built struct{ Functions, Packed string }

// function is one Lambda function to make.
type function struct {
	id          string // logical id, and the ids of its parts
	name        string
	kind        string // which of lambdas/… it runs
	says        string
	role        awsiam.CfnRole
	documents   map[string][]byte
	environment map[string]*string
	memory      float64 // MiB
	timeout     float64 // seconds
}

// made is a function under its live alias.
type made struct {
	awslambda.CfnFunction
	alias awslambda.CfnAlias
}

// functionOf makes a function, the version that this deployment is, and the alias that
// callers call. A changed zip or setting makes a new version, so what is called is what was
// reviewed.
func functionOf(s stack, b Built, e platform.Environment, f function) made {
	code, digest := asset(s, b, f)
	logs := functionLogs(s, e, f)
	fn := awslambda.NewCfnFunction(s.Stack, jsii.String(f.id), &awslambda.CfnFunctionProps{
		FunctionName: jsii.String(f.name), Description: jsii.String("Remit: " + f.says),
		Runtime: jsii.String("provided.al2023"), Architectures: &[]*string{jsii.String("arm64")}, Handler: jsii.String("bootstrap"),
		Code: code, Role: f.role.AttrArn(), MemorySize: jsii.Number(f.memory), Timeout: jsii.Number(f.timeout),
		TracingConfig: map[string]any{"mode": "Active"},
		Environment:   map[string]any{"variables": f.environment},
	})
	fn.AddResourceDependency(logs, nil)
	version := awslambda.NewCfnVersion(s.Stack, jsii.String(f.id+"Version"+versionOf(s, f, digest)), &awslambda.CfnVersionProps{FunctionName: fn.Ref()})
	version.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil) // the alias leaves it only after the new one serves
	alias := awslambda.NewCfnAlias(s.Stack, jsii.String(f.id+"Live"), &awslambda.CfnAliasProps{
		Name: jsii.String(platform.Live), FunctionName: fn.Ref(), FunctionVersion: version.AttrVersion(),
	})
	failing(s, f)
	return made{fn, alias}
}

// versionOf names a version by what it runs and under which settings: Lambda publishes nothing
// new where CloudFormation sees the same resource. A setting that is known only when it is
// deployed stands for itself.
func versionOf(s stack, f function, code string) string {
	settings, err := json.Marshal([]any{code, f.memory, f.timeout, s.Resolve(f.environment)})
	if err != nil {
		panic(err) // texts, numbers and intrinsics always encode
	}
	return fmt.Sprintf("%x", sha256.Sum256(settings))[:16]
}

// asset packs the function and has the CLI publish the zip. Its hash is ours: hashing and
// zipping again in Node would cost more than all constructs together.
func asset(s stack, b Built, f function) (map[string]any, string) {
	digest, err := artifact.Pack(artifact.Built(b.Functions, f.kind), f.documents, b.Packed)
	if err != nil {
		panic(err) // app.go looks for the built functions before anything is made
	}
	file := awss3assets.NewAsset(s.Stack, jsii.String(f.id+"Code"), &awss3assets.AssetProps{
		Path: jsii.String(filepath.Join(b.Packed, artifact.Name(digest))), AssetHash: jsii.String(digest), AssetHashType: awscdk.AssetHashType_CUSTOM, DisplayName: jsii.String(f.name),
	})
	return map[string]any{"s3Bucket": file.S3BucketName(), "s3Key": file.S3ObjectKey()}, digest
}

// functionLogs is made before the function, which could otherwise make one that never ends.
func functionLogs(s stack, e platform.Environment, f function) awslogs.CfnLogGroup {
	g := awslogs.NewCfnLogGroup(s.Stack, jsii.String(f.id+"Logs"), &awslogs.CfnLogGroupProps{
		LogGroupName: jsii.String("/aws/lambda/" + f.name), RetentionInDays: jsii.Number(float64(e.Audit.Logs.Days())),
	})
	keep(g, e)
	return g
}

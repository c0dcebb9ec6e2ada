package constructs

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"remit/iam"
	"remit/platform"
)

// symbols says which token stands for a symbolic name in documents of this stack.
// Names of other stacks' resources are imported from their exports.
type symbols map[string]*string

// roles makes the world's roles, exactly as they were granted.
func roles(s stack, w iam.World, known symbols) map[string]awsiam.CfnRole {
	made := map[string]awsiam.CfnRole{}
	for _, r := range w.Roles {
		id := roleID(s, r.ARN)
		made[id] = role(s, id, r, known)
	}
	return made
}

// roleID is a role's name without what its stack's name already says: ExecutionRole.
func roleID(s stack, arn iam.ARN) string {
	return platform.Pascal(strings.TrimPrefix(strings.TrimPrefix(arn.Name(), s.name), "-")) + "Role"
}

func role(s stack, id string, r iam.Role, known symbols) awsiam.CfnRole {
	return awsiam.NewCfnRole(s.Stack, jsii.String(id), &awsiam.CfnRoleProps{
		RoleName:                 jsii.String(r.ARN.Name()),
		Path:                     jsii.String(platform.RolePath),
		PermissionsBoundary:      jsii.String(string(r.Boundary)),
		AssumeRolePolicyDocument: document(s, r.Trust, nil),
		Policies: []any{&awsiam.CfnRole_PolicyProperty{
			PolicyName:     jsii.String("remit"),
			PolicyDocument: document(s, r.Policy, known),
		}},
	})
}

// boundaries makes the world's managed policies on the fence path.
func boundaries(s stack, w iam.World) {
	for _, policy := range w.Policies {
		id := platform.Pascal(policy.ARN.Name()) + "Boundary"
		awsiam.NewCfnManagedPolicy(s.Stack, jsii.String(id), &awsiam.CfnManagedPolicyProps{
			ManagedPolicyName: jsii.String(policy.ARN.Name()),
			Path:              jsii.String(platform.FencePath),
			PolicyDocument:    document(s, policy.Document, nil),
		})
	}
}

// document is an IAM document as CloudFormation takes it: statements in canonical order,
// symbols resolved to tokens, nothing else changed.
func document(s stack, d iam.Document, known symbols) map[string]any {
	d = d.Canonical()
	statements := make([]any, len(d.Statements))
	for i, statement := range d.Statements {
		statements[i] = resolve(s, statement.Value(), known)
	}
	return map[string]any{"Version": d.Version, "Statement": statements}
}

// resolve replaces every symbol in a decoded JSON value.
func resolve(s stack, value any, known symbols) any {
	switch v := value.(type) {
	case string:
		return resolveText(s, v, known)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = resolve(s, item, known)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, item := range v {
			out[key] = resolve(s, item, known)
		}
		return out
	}
	return value
}

func resolveText(s stack, text string, known symbols) string {
	if token, ok := known[text]; ok {
		return *token
	}
	before, rest, found := strings.Cut(text, "<")
	symbol, after, closed := strings.Cut(rest, ">")
	if !found || !closed {
		return text
	}
	token, ok := known["<"+symbol+">"]
	if !ok {
		token = imported(s, symbol)
	}
	return before + *token + resolveText(s, after, known)
}

// imported is the export of another stack in the same account.
func imported(s stack, symbol string) *string {
	stack, id, _ := strings.Cut(symbol, ".")
	if stack == s.name {
		panic("constructs: " + symbol + " is of this stack and was given no token") // a mistake in this package
	}
	return awscdk.Fn_ImportValue(jsii.String(exportName(stack, id)))
}

// exportName is what the stacks of one account call a resource among each other.
func exportName(stack, id string) string { return stack + ":" + id }

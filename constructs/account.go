package constructs

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbedrockagentcore"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"remit/grants"
	"remit/iam"
	"remit/ledger"
	"remit/platform"
)

// accountStack is what one account needs besides lanes: in a resource account the roles
// that lanes reach, in the platform account the front door and what all lanes share.
func accountStack(stage awscdk.Stage, p *platform.Platform, e platform.Environment, site platform.Site, b Built) stack {
	s := newStack(stage, site, site.AccountStack(), "Remit: what serves all lanes in the "+site.Purpose+" account", ordinary)
	world := grants.Account(p, e, site)
	if site.Purpose != platform.PlatformAccount {
		roles(s, world, nil)
		return s
	}
	keys := accountKeys(s, e, world)
	made := roles(s, world, keyNames(site, keys))
	table(s, e, site.Ledger(), "Ledger", keys[platform.LedgerKeyID], ledgerIndex())
	table(s, e, site.Directory(), "Directory", keys[platform.LedgerKeyID], nil)
	for _, c := range e.Credentials {
		credential(s, site, c)
	}
	sweep(s, p, e, site, made[roleID(s, iam.ARN(site.Role("sweep")))], b)
	watched(s, p, e, site, made[roleID(s, iam.ARN(site.Role("watch")))], b)
	dashboard(s, site, len(p.Closings(e)) > 0)
	door(s, p, e, site, made[roleID(s, iam.ARN(site.Role("entry")))], keys, b)
	if e.Identity.Approvals != nil {
		approvals(s, p, e, site, made[roleID(s, iam.ARN(site.Role("approve")))], keys, b)
	}
	if len(p.Closings(e)) > 0 {
		closing(s, p, e, site, made[roleID(s, iam.ARN(site.Role("closing")))], b)
	}
	if e.Operations != nil {
		operations(s, e, site, made[roleID(s, iam.ARN(site.Role("operate")))], b)
	}
	if grants.Meters(p, e) {
		meterOf(s, p, e, site, made[roleID(s, iam.ARN(site.Role("meter")))], b)
	}
	return s
}

// specs are the keys that sign; all others encrypt.
var specs = map[string]string{platform.DelegationKeyID: "RSA_2048", platform.CallKeyID: "ECC_NIST_P256"}

// accountKeys makes every key that the world has a policy for.
func accountKeys(s stack, e platform.Environment, w iam.World) map[string]awskms.CfnKey {
	out := map[string]awskms.CfnKey{}
	for _, id := range []string{platform.LedgerKeyID, platform.SealKeyID, platform.DelegationKeyID, platform.CallKeyID} {
		for _, policy := range w.Policies {
			if policy.ARN.Name() == platform.Symbol(s.name, id) {
				out[id] = key(s, e, id, policy)
			}
		}
	}
	return out
}

func key(s stack, e platform.Environment, id string, policy iam.Policy) awskms.CfnKey {
	props := &awskms.CfnKeyProps{
		Description: jsii.String("Remit: " + keySays[id]), PendingWindowInDays: jsii.Number(30), KeyPolicy: document(s, policy.Document, nil),
	}
	if spec, signs := specs[id]; signs {
		props.KeySpec, props.KeyUsage = jsii.String(spec), jsii.String("SIGN_VERIFY")
	} else {
		props.EnableKeyRotation = true
	}
	k := awskms.NewCfnKey(s.Stack, jsii.String(id), props)
	keep(k, e)
	export(s, id, k.Ref())
	return k
}

var keySays = map[string]string{
	platform.LedgerKeyID: "encrypts the ledger and the directory", platform.SealKeyID: "seals arguments and results that wait",
	platform.DelegationKeyID: "signs delegation tokens", platform.CallKeyID: "signs assertions of single calls",
	platform.MemoryKeyID: "encrypts the agent's memory",
}

// keyNames resolves the keys of this very stack in its own documents.
func keyNames(site platform.Site, keys map[string]awskms.CfnKey) symbols {
	out := symbols{}
	for id, k := range keys {
		out[platform.Symbol(site.AccountStack(), id)] = k.Ref()
	}
	return out
}

// export lets other stacks of the account import a value.
func export(s stack, id string, value *string) {
	awscdk.NewCfnOutput(s.Stack, jsii.String(id+"Export"), &awscdk.CfnOutputProps{Value: value, ExportName: jsii.String(exportName(s.name, id))})
}

// ledgerIndex finds what is due: the shard and the second, in items that have them. It holds
// what package ledger says a sweep reads, so that counting does not write to it.
func ledgerIndex() []any {
	var projected []any
	for _, attribute := range ledger.DueAttributes {
		if attribute != "due" { // a key of the index is in it anyway
			projected = append(projected, attribute)
		}
	}
	return []any{map[string]any{
		"indexName": "due", "keySchema": []any{keyOf("due_shard", "HASH"), keyOf("due", "RANGE")},
		"projection": map[string]any{"projectionType": "INCLUDE", "nonKeyAttributes": projected},
	}}
}

// table is a table of the environment's own: keys PK and SK, both text, items that end by
// the attribute ttl.
func table(s stack, e platform.Environment, name, id string, key awskms.CfnKey, indexes []any) {
	attributes := []any{textAttribute("PK"), textAttribute("SK")}
	if indexes != nil {
		attributes = append(attributes, textAttribute("due_shard"), map[string]any{"attributeName": "due", "attributeType": "N"})
	}
	props := &awsdynamodb.CfnTableProps{
		TableName:                        jsii.String(name),
		BillingMode:                      jsii.String("PAY_PER_REQUEST"),
		KeySchema:                        []any{keyOf("PK", "HASH"), keyOf("SK", "RANGE")},
		AttributeDefinitions:             attributes,
		TimeToLiveSpecification:          map[string]any{"attributeName": "ttl", "enabled": true},
		PointInTimeRecoverySpecification: map[string]any{"pointInTimeRecoveryEnabled": true},
		DeletionProtectionEnabled:        e.Removal == "retain",
		SseSpecification:                 map[string]any{"sseEnabled": true, "sseType": "KMS", "kmsMasterKeyId": key.AttrArn()},
	}
	if indexes != nil {
		props.GlobalSecondaryIndexes = indexes
	}
	keep(awsdynamodb.NewCfnTable(s.Stack, jsii.String(id), props), e)
}

// credential gives a declared secret a name in AgentCore's token vault. The key itself
// stays in its secret and is in no template.
func credential(s stack, site platform.Site, c platform.Credential) {
	awsbedrockagentcore.NewCfnApiKeyCredentialProvider(s.Stack, jsii.String("Credential"+platform.Pascal(c.Name)), &awsbedrockagentcore.CfnApiKeyCredentialProviderProps{
		Name: jsii.String(site.CredentialProvider(c.Name)), ApiKeySecretSource: jsii.String("EXTERNAL"),
		ApiKeySecretConfig: map[string]any{"secretId": c.Secret, "jsonKey": "api_key"},
	})
}

// door is the entry function and the address under which applications, and AgentCore's
// authorizers, reach it. It verifies every token itself, so the address asks for none.
func door(s stack, p *platform.Platform, e platform.Environment, site platform.Site, role awsiam.CfnRole, keys map[string]awskms.CfnKey, b Built) {
	entry := functionOf(s, b, e, function{
		id: "Entry", name: site.Function("entry"), kind: "entry", says: "the front door of " + e.Name, role: role,
		documents: entrance(p, e), memory: 512, timeout: 900,
		environment: map[string]*string{
			"REMIT_REGISTRY": jsii.String(platform.RegistryPath(site)), "REMIT_LEDGER": jsii.String(site.Ledger()), "REMIT_DIRECTORY": jsii.String(site.Directory()),
			"REMIT_DELEGATION_KEY": keys[platform.DelegationKeyID].Ref(), "REMIT_CALL_KEY": keys[platform.CallKeyID].Ref(),
		},
	})
	url := address(s, entry, "Entry", grants.DoorPolicy(p, e, site, "entry"))
	export(s, "DoorUrl", url)
	awsssm.NewCfnParameter(s.Stack, jsii.String("Door"), &awsssm.CfnParameterProps{
		Name: jsii.String(platform.DoorURL(site)), Type: jsii.String("String"), Value: url,
		Description: jsii.String("Remit: where the front door is"),
	})
}

func entrance(p *platform.Platform, e platform.Environment) map[string][]byte {
	text, err := json.Marshal(p.Entrance(e))
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	return map[string][]byte{"entrance.json": text}
}

// address is where a function answers over HTTP, in streams, open as its policy says.
func address(s stack, f made, id string, opened iam.Policy) *string {
	url := awslambda.NewCfnUrl(s.Stack, jsii.String(id+"Url"), &awslambda.CfnUrlProps{
		TargetFunctionArn: f.Ref(), Qualifier: jsii.String(platform.Live), AuthType: jsii.String("NONE"), InvokeMode: jsii.String("RESPONSE_STREAM"),
	})
	url.AddResourceDependency(f.alias, nil)
	openTo(s, f, opened)
	return url.AttrFunctionUrl()
}

// approvals is the function where users decide on what waits for them, and its address: the
// redirect URI of the client that the page is at the company's issuer.
func approvals(s stack, p *platform.Platform, e platform.Environment, site platform.Site, role awsiam.CfnRole, keys map[string]awskms.CfnKey, b Built) {
	f := functionOf(s, b, e, function{
		id: "Approve", name: site.Function("approve"), kind: "approve", says: "where users approve in " + e.Name, role: role,
		documents: entrance(p, e), memory: 512, timeout: 75, // a call has a minute
		environment: map[string]*string{
			"REMIT_REGISTRY": jsii.String(platform.RegistryPath(site)), "REMIT_LEDGER": jsii.String(site.Ledger()),
			"REMIT_DELEGATION_KEY": keys[platform.DelegationKeyID].Ref(), "REMIT_SEAL_KEY": keys[platform.SealKeyID].Ref(),
		},
	})
	url := address(s, f, "Approve", grants.DoorPolicy(p, e, site, "approve"))
	awscdk.NewCfnOutput(s.Stack, jsii.String("ApprovalsPage"), &awscdk.CfnOutputProps{
		Value: awscdk.Fn_Join(jsii.String(""), &[]*string{url, jsii.String("approvals")}), Description: jsii.String("Where users approve; the redirect URI at the issuer"),
	})
}

// openTo makes the permissions that the function's policy amounts to.
func openTo(s stack, entry made, opened iam.Policy) {
	for _, statement := range opened.Document.Statements {
		props := &awslambda.CfnPermissionProps{FunctionName: jsii.String(string(opened.ARN)), Principal: jsii.String("*"), Action: jsii.String(statement.Actions.Of[0])}
		if statement.When[0].Key == grants.ViaFunctionURL {
			props.InvokedViaFunctionUrl = true
		} else {
			props.FunctionUrlAuthType = jsii.String(statement.When[0].Values[0])
		}
		awslambda.NewCfnPermission(s.Stack, jsii.String(statement.Sid), props).AddResourceDependency(entry.alias, nil)
	}
}

// sweep is the function that ends what is due, and the schedule that starts it each minute.
func sweep(s stack, p *platform.Platform, e platform.Environment, site platform.Site, role awsiam.CfnRole, b Built) {
	each := function{
		id: "Sweep", name: site.Function("sweep"), kind: "sweep", says: "ends what is due in " + e.Name, role: role, memory: 256, timeout: 55,
		environment: map[string]*string{"REMIT_LEDGER": jsii.String(site.Ledger()), "REMIT_DAY": jsii.String(string(e.Day))},
	}
	f := functionOf(s, b, e, each)
	silent(s, each, 5)
	awsevents.NewCfnRule(s.Stack, jsii.String("SweepSchedule"), &awsevents.CfnRuleProps{
		Name: jsii.String(site.Function("sweep")), Description: jsii.String("Remit: each minute, end what is due"), ScheduleExpression: jsii.String("rate(1 minute)"),
		Targets: []any{map[string]any{"id": "sweep", "arn": f.alias.Ref()}},
	})
	invokedBy(s, f, grants.SweepPolicy(p, e, site))
}

// invokedBy lets services invoke a function as its policy says, and answers the last of the
// permissions: some services try the function as soon as they are told of it.
func invokedBy(s stack, f made, by iam.Policy) awslambda.CfnPermission {
	var last awslambda.CfnPermission
	for _, statement := range by.Document.Statements {
		props := &awslambda.CfnPermissionProps{FunctionName: jsii.String(string(by.ARN)), Action: jsii.String(statement.Actions.Of[0]), Principal: jsii.String(statement.Principals.Service[0])}
		for _, when := range statement.When {
			switch when.Key {
			case "aws:SourceArn":
				props.SourceArn = jsii.String(when.Values[0])
			case "aws:SourceAccount":
				props.SourceAccount = jsii.String(when.Values[0])
			}
		}
		last = awslambda.NewCfnPermission(s.Stack, jsii.String(statement.Sid), props)
		last.AddResourceDependency(f.alias, nil)
	}
	return last
}

package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"remit/grants"
	"remit/platform"
)

// agentStack is what all lanes of an agent share: its image repository, and its memory
// table with the key that encrypts it.
func agentStack(stage awscdk.Stage, p *platform.Platform, e platform.Environment, a platform.AgentSite) stack {
	s := newStack(stage, a.Site, a.Stack(), "Remit: what all lanes of "+a.Agent+" share", ordinary)
	tag(s.Stack, label{"remit:agent", a.Agent})
	repository(s, e, a)
	if agent, _ := p.Agent(a.Agent); agent.Memory != nil {
		for _, policy := range grants.Agent(p, a).Policies {
			memoryTable(s, e, a, key(s, e, platform.MemoryKeyID, policy))
		}
	}
	return s
}

// repository keeps images whose tags never move; lanes pull by digest.
func repository(s stack, e platform.Environment, a platform.AgentSite) {
	r := awsecr.NewCfnRepository(s.Stack, jsii.String("Repository"), &awsecr.CfnRepositoryProps{
		RepositoryName:             jsii.String(a.Repository()),
		ImageTagMutability:         jsii.String("IMMUTABLE"),
		ImageScanningConfiguration: map[string]any{"scanOnPush": true},
	})
	keep(r, e)
}

// memoryTable has the keys PK and SK, both text; roles are held to the leading key, so
// what PK begins with decides whose memory an item is. Items expire by the attribute
// expires, in seconds since 1970.
func memoryTable(s stack, e platform.Environment, a platform.AgentSite, key awskms.CfnKey) {
	table := awsdynamodb.NewCfnTable(s.Stack, jsii.String("Memory"), &awsdynamodb.CfnTableProps{
		TableName:                        jsii.String(a.MemoryTable()),
		BillingMode:                      jsii.String("PAY_PER_REQUEST"),
		KeySchema:                        []any{keyOf("PK", "HASH"), keyOf("SK", "RANGE")},
		AttributeDefinitions:             []any{textAttribute("PK"), textAttribute("SK")},
		TimeToLiveSpecification:          map[string]any{"attributeName": "expires", "enabled": true},
		PointInTimeRecoverySpecification: map[string]any{"pointInTimeRecoveryEnabled": true},
		DeletionProtectionEnabled:        e.Removal == "retain",
		SseSpecification:                 map[string]any{"sseEnabled": true, "sseType": "KMS", "kmsMasterKeyId": key.AttrArn()},
	})
	keep(table, e)
}

func keyOf(name, kind string) map[string]any {
	return map[string]any{"attributeName": name, "keyType": kind}
}

func textAttribute(name string) map[string]any {
	return map[string]any{"attributeName": name, "attributeType": "S"}
}

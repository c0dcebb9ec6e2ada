package verify

import (
	"slices"
	"strings"

	"remit/iam"
	"remit/platform"
	"remit/terms"
)

var audit = Rule{
	ID:       "audit",
	Sentence: "No role stops, alters or forges the audit.",
	Why:      "Who can rewrite the record can have done anything.",
	Source:   "requirements R36, R37; iam-semantics §2",
	judge: func(c *court) []Finding {
		return c.everyone(
			"it stops or narrows a trail", want([]string{"cloudtrail:DeleteEventDataStore", "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopEventDataStoreIngestion", "cloudtrail:StopLogging", "cloudtrail:UpdateEventDataStore", "cloudtrail:UpdateTrail"}, anything),
			"it lifts an object lock", want([]string{"s3:BypassGovernanceRetention", "s3:PutBucketObjectLockConfiguration", "s3:PutObjectLegalHold", "s3:PutObjectRetention"}, anything),
			"it stops the recording of model calls or of configuration", want([]string{"bedrock:DeleteModelInvocationLoggingConfiguration", "bedrock:PutModelInvocationLoggingConfiguration", "config:DeleteConfigurationRecorder", "config:StopConfigurationRecorder"}, anything),
			"it writes to or deletes from where trails are kept", want([]string{"s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "s3:PutObject"}, c.archives()),
			"it deletes or shortens logs of the audit", want([]string{"logs:DeleteLogGroup", "logs:DeleteLogStream", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy"}, c.auditLogs()),
			"it disables a key of the audit account", want([]string{"kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"}, c.inAudit("kms", "key/*")),
		)
	},
}

// archives are the buckets trails write to, and objects in them. Where no trail is in the world
// there is none to protect here.
func (c *court) archives() []string {
	out := []string{}
	for _, t := range c.World.Of("AWS::CloudTrail::Trail") {
		if bucket := t.Setting("S3BucketName"); bucket != "" {
			arn := "arn:" + t.ARN.Part(1) + ":s3:::" + bucket
			out = append(out, arn, arn+"/*")
		}
	}
	return out
}

// auditLogs are the audit accounts' log groups, and everywhere those that CloudTrail writes.
func (c *court) auditLogs() []string {
	out := c.inAudit("logs", "log-group:*")
	accounts := map[string]iam.ARN{}
	for _, a := range c.actors {
		accounts[a.ARN.Account()] = a.ARN
	}
	for account, arn := range accounts {
		for _, group := range []string{"aws-cloudtrail-logs*", "/aws/cloudtrail*"} {
			out = append(out, "arn:"+arn.Part(1)+":logs:"+c.region(account)+":"+account+":log-group:"+group)
		}
	}
	slices.Sort(out)
	return out
}

// inAudit is a pattern in every account declared for the audit. The word is the declaration
// language's own (requirements R36).
func (c *court) inAudit(service, rest string) []string {
	out := []string{}
	for account, s := range c.sites {
		if s.purpose == "audit" {
			out = append(out, strings.Join([]string{"arn", terms.Partition(s.region), service, s.region, account, rest}, ":"))
		}
	}
	slices.Sort(out)
	return out
}

var trail = Rule{
	ID:       "trail",
	Sentence: "Every trail logs, in every region, with validated files, to a bucket that keeps every version.",
	Why:      "A trail that is off, or whose files can be replaced, is no evidence.",
	Source:   "CloudTrail User Guide, best-practices-security",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, t := range c.World.Of("AWS::CloudTrail::Trail") {
			for _, f := range []struct {
				path, want, sentence string
			}{
				{"IsLogging", "true", "it does not log"},
				{"IsMultiRegionTrail", "true", "it sees one region only"},
				{"EnableLogFileValidation", "true", "its files are not validated"},
			} {
				if t.Setting(f.path) != f.want {
					out = append(out, Finding{Role: t.ARN, Sentence: f.sentence, At: t.From})
				}
			}
			for _, b := range c.World.Of("AWS::S3::Bucket") {
				if b.ARN.Name() == t.Setting("S3BucketName") && b.Setting("VersioningConfiguration.Status") != "Enabled" && b.Setting("ObjectLockEnabled") != "true" {
					out = append(out, Finding{Role: t.ARN, Sentence: "its bucket keeps no versions", At: t.From, Chain: []Hop{{t.ARN, "writes to"}, {Of: b.ARN}}})
				}
			}
		}
		return out
	},
}

// compromise is one row of the table of what a compromised part cannot do (design §6): whom it
// speaks of, and what such a role is asked for.
type compromise struct {
	who   string
	kinds []string
	cants []cant
}

// cant is one thing a compromised part cannot do. but, if set, is what it is there for: on
// these resources of its own site it may.
type cant struct {
	sentence string
	actions  []string
	but      func(platform.Site) []string
}

// withoutCalls is the same for a part that asserts single calls, and signs nothing else.
func withoutCalls(c cant) cant {
	c.but = func(site platform.Site) []string { return []string{site.KeyARN(platform.CallKeyID)} }
	return c
}

var (
	startAgents  = cant{"it starts or stops an agent's session", invoking, nil}
	loosen       = cant{"it loosens a gateway, a policy or who may call", []string{"bedrock-agentcore:Create*", "bedrock-agentcore:Update*", "bedrock-agentcore:Delete*", "bedrock-agentcore:PutResourcePolicy", "bedrock-agentcore:ManageAdminPolicy"}, nil}
	callTools    = cant{"it calls a tool past the gateway", []string{"lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "execute-api:Invoke", "bedrock-agentcore:InvokeGateway"}, nil}
	readSecrets  = cant{"it reads a secret or takes a token", []string{"secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParameters", "bedrock-agentcore:GetResourceApiKey", "bedrock-agentcore:GetResourceOauth2Token", "bedrock-agentcore:GetWorkloadAccessTokenForUserId"}, nil}
	sign         = cant{"it signs what only the issuer may sign", []string{"kms:Sign", "kms:GenerateMac", "sts:GetWebIdentityToken"}, nil}
	rewriteCode  = cant{"it changes code, images or prompts", []string{"lambda:Update*", "lambda:Create*", "lambda:PublishVersion", "ecr:PutImage", "bedrock-agentcore:UpdateConfigurationBundle", "bedrock-agentcore:UpdateAgentRuntime"}, nil}
	permissions  = cant{"it changes permissions", []string{"iam:*", "organizations:*", "kms:PutKeyPolicy", "kms:CreateGrant", "s3:PutBucketPolicy", "dynamodb:PutResourcePolicy"}, nil}
	deleteThings = cant{"it deletes a table, a key or an item of others", []string{"dynamodb:DeleteTable", "kms:ScheduleKeyDeletion", "dynamodb:Scan", "dynamodb:ExportTableToPointInTime"}, nil}
	becomeOthers = cant{"it becomes another role", []string{"sts:AssumeRole"}, nil}
	touchMemory  = cant{"it reads or writes data itself", []string{"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "s3:GetObject", "s3:PutObject"}, nil}
	setUsers     = cant{"it states a user instead of verifying one, or opens a shell", []string{"bedrock-agentcore:InvokeAgentRuntimeForUser", "bedrock-agentcore:InvokeAgentRuntimeCommand*", "bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStream*"}, nil}
)

var compromised = []compromise{
	{"agent", []string{"execution"}, []cant{startAgents, loosen, callTools, readSecrets, sign, rewriteCode, permissions, deleteThings}},
	{"tool", []string{"reach", "reached"}, []cant{startAgents, loosen, readSecrets, sign, rewriteCode, permissions, deleteThings}},
	{"request-interceptor", []string{"request"}, []cant{startAgents, loosen, callTools, readSecrets, withoutCalls(sign), rewriteCode, permissions, deleteThings, becomeOthers}},
	{"response-interceptor", []string{"response"}, []cant{startAgents, loosen, callTools, readSecrets, sign, rewriteCode, permissions, deleteThings, becomeOthers}},
	{"gateway", []string{"gateway"}, []cant{startAgents, loosen, sign, rewriteCode, permissions, deleteThings, becomeOthers, touchMemory}},
	{"sweep", []string{"sweep"}, []cant{startAgents, loosen, callTools, readSecrets, sign, rewriteCode, permissions, deleteThings, becomeOthers}},
	{"entry", []string{"entry"}, []cant{setUsers, loosen, callTools, rewriteCode, permissions, deleteThings}},
}

var compromises = append(compromiseRules(), developer, pipelineStep)

func compromiseRules() []Rule {
	var out []Rule
	for _, row := range compromised {
		sentence := "A compromised " + row.who + " cannot go past its remit:"
		for i, cannot := range row.cants {
			sentence += []string{" ", "; "}[min(i, 1)] + cannot.sentence
		}
		out = append(out, Rule{
			ID: "compromise-" + row.who, Declared: true, Sentence: sentence + ": none of it.",
			Why: "Any code in a compromised part holds the part's role (AgentCore reads out its credentials to whoever asks inside).", Source: "design §6; AgentCore developer guide, security-credentials-management",
			judge: func(c *court) []Finding { return c.cannot(row) },
		})
	}
	return out
}

func (c *court) cannot(row compromise) []Finding {
	var out []Finding
	for _, a := range c.actors {
		for _, kind := range row.kinds {
			if a.duty.kind != kind {
				continue
			}
			for _, cannot := range row.cants {
				var but []iam.Document
				if cannot.but != nil {
					but = append(but, want(cannot.actions, cannot.but(a.duty.site)))
				}
				if f, found := c.can(a, want(cannot.actions, anything), but...); found {
					f.Sentence = "if compromised, " + cannot.sentence
					out = append(out, f)
				}
			}
		}
	}
	return out
}

var developer = Rule{
	ID: "compromise-developer", Declared: true,
	Sentence: "People who deploy to one environment enter no other.",
	Why:      "A developer's laptop is the easiest part to take.",
	Source:   "design §6; requirements R22",
	judge:    (*court).developers,
}

func (c *court) developers() []Finding {
	var out []Finding
	for _, e := range c.Platform.Environments {
		if e.Deploy.OnlyPipeline() {
			continue
		}
		for _, who := range e.Deploy.By {
			person := &actor{Role: iam.Role{ARN: iam.ARN(who)}, words: index{all: true}, within: []iam.Document{administrator}}
			for _, a := range c.actors {
				if home := c.sites[a.ARN.Account()].environment; home == e.Name || home == "" && a.duty.kind == "" {
					continue
				}
				if f, found := c.admits(person, a.ARN, a.Trust, want(assuming, []string{string(a.ARN)})); found {
					f.Role, f.Witness = a.ARN, iam.Request{} // whoever it is, their own policies are not in this world
					f.Sentence = who + ", who deploys " + e.Name + ", may enter it"
					out = append(out, f)
				}
			}
		}
	}
	return out
}

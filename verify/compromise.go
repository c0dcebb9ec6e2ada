package verify

import (
	"slices"
	"strings"

	"remit/iam"
)

// compromise is one row of the table of what a compromised part cannot do (design §6): whom it
// speaks of, and what such a role is asked for.
type compromise struct {
	who   string
	kinds []string
	cants []cant
}

// cant is one thing a compromised part cannot do: actions on resources, in words filled as the
// ceiling's are; no resources mean any. except is what such an action is its remit for.
type cant struct {
	sentence   string
	actions    []string
	on, except []string
	when       []iam.Condition
}

var (
	startAgents       = cant{sentence: "it starts or stops an agent's session", actions: invoking}
	loosen            = cant{sentence: "it loosens a gateway, a policy or who may call", actions: []string{"bedrock-agentcore:Create*", "bedrock-agentcore:Update*", "bedrock-agentcore:Delete*", "bedrock-agentcore:PutResourcePolicy", "bedrock-agentcore:ManageAdminPolicy"}}
	callTools         = cant{sentence: "it calls a tool past the gateway", actions: []string{"lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "execute-api:Invoke", "bedrock-agentcore:InvokeGateway"}}
	readSecrets       = cant{sentence: "it reads a secret or takes a token", actions: []string{"secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParameters", "bedrock-agentcore:GetResourceApiKey", "bedrock-agentcore:GetResourceOauth2Token", "bedrock-agentcore:GetWorkloadAccessTokenForUserId"}}
	sign              = cant{sentence: "it signs what only the issuer may sign", actions: []string{"kms:Sign", "kms:GenerateMac", "sts:GetWebIdentityToken"}}
	signTokens        = cant{sentence: "it signs delegation tokens, or anything but assertions of calls", actions: []string{"kms:Sign", "kms:GenerateMac", "sts:GetWebIdentityToken"}, except: list("{call key}")}
	signNoCalls       = cant{sentence: "it signs assertions of calls, or anything but delegation tokens", actions: []string{"kms:Sign", "kms:GenerateMac", "sts:GetWebIdentityToken"}, except: list("{delegation key}")}
	forgeKeys         = cant{sentence: "it frees or takes an idempotency key", actions: itemWrites, on: list("{ledger}", "{ledger}/*"), when: keyedBy("ONCE#x")}
	forgeFacts        = cant{sentence: "it writes a record", actions: itemWrites, on: list("{ledger}", "{ledger}/*"), when: keyedBy("RECORD#x")}
	spendLimits       = cant{sentence: "it changes an execution, a day or what waits for a user", actions: itemWrites, on: list("{ledger}", "{ledger}/*"), when: keyedBy("EXEC#x", "USER#x", "CONFIRM#x")}
	spendDays         = cant{sentence: "it changes a day, a list of who is open, or what waits for a user", actions: itemWrites, on: list("{ledger}", "{ledger}/*"), when: keyedBy("USER#x", "TENANT#x", "OPEN#x", "CONFIRM#x")}
	forgeCalls        = cant{sentence: "it writes the record of a call", actions: itemWrites, on: list("{ledger}", "{ledger}/*"), when: keyedBy("RECORD#x")}
	callOthers        = cant{sentence: "it calls anything but the function where people intervene", actions: callTools.actions, except: list("{operate}")}
	readOthers        = cant{sentence: "it reads a secret or takes a token, or reads a parameter but that function's address", actions: readSecrets.actions, except: list("{operate address}")}
	moveSwitches      = cant{sentence: "it changes a switch, a list of who is open, or what a tenant's day has left", actions: itemReads, on: list("{ledger}", "{ledger}/*"), when: keyedBy("SWITCHES", "WIDEN#x", "OPEN#x", "TENANT#x")}
	stopNobody        = cant{sentence: "it changes a switch", actions: itemWrites, on: list("{ledger}", "{ledger}/*"), when: keyedBy("SWITCHES", "WIDEN#x")}
	blindWatch        = cant{sentence: "it throttles a lane or lets one go, or changes what throttling is judged by", actions: itemWrites, on: list("{ledger}", "{ledger}/*"), when: keyedBy("THROTTLE#x", "WATCH#x")}
	makeUpCounts      = cant{sentence: "it changes what a lane did", actions: itemWrites, on: list("{ledger}", "{ledger}/*"), when: keyedBy("COUNT#x")}
	readLogs          = cant{sentence: "it reads what was said to a model or by it", actions: []string{"logs:Get*", "logs:FilterLogEvents", "logs:StartQuery", "logs:StartLiveTail", "logs:Unmask"}}
	forgeUsage        = cant{sentence: "it changes what it is charged with, or whether invocations of models are logged", actions: []string{"bedrock:DeleteModelInvocationLoggingConfiguration", "bedrock:PutModelInvocationLoggingConfiguration", "logs:DeleteLog*", "logs:DeleteSubscriptionFilter", "logs:PutSubscriptionFilter", "logs:PutRetentionPolicy", "dynamodb:*"}, except: list("arn:{p}:dynamodb:{r}:{a}:table/{agent-name}-memory")}
	rewriteFacts      = cant{sentence: "it changes or removes a record", actions: []string{"dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:PartiQLUpdate", "dynamodb:UpdateItem"}, on: list("{ledger}", "{ledger}/*"), when: keyedBy("RECORD#x")}
	rewriteCode       = cant{sentence: "it changes code, images or prompts", actions: []string{"lambda:Update*", "lambda:Create*", "lambda:PublishVersion", "ecr:PutImage", "bedrock-agentcore:UpdateConfigurationBundle", "bedrock-agentcore:UpdateAgentRuntime"}}
	permissions       = cant{sentence: "it changes permissions", actions: []string{"iam:*", "organizations:*", "kms:PutKeyPolicy", "kms:CreateGrant", "s3:PutBucketPolicy", "dynamodb:PutResourcePolicy"}}
	deleteThings      = cant{sentence: "it deletes a table, a key or an item of others", actions: []string{"dynamodb:DeleteTable", "kms:ScheduleKeyDeletion", "dynamodb:Scan", "dynamodb:ExportTableToPointInTime"}}
	becomeOthers      = cant{sentence: "it becomes another role", actions: []string{"sts:AssumeRole"}}
	touchMemory       = cant{sentence: "it reads or writes data itself", actions: []string{"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "s3:GetObject", "s3:PutObject"}}
	handOnAnything    = cant{sentence: "it writes what is deployed, or what is said of it", actions: []string{"s3:PutObject", "s3:DeleteObject"}}
	attestAnything    = cant{sentence: "it says of a release what only the judge says", actions: []string{"s3:PutObject", "s3:DeleteObject"}, on: list("{releases}/attestations/*", "{releases}/releases/*")}
	admitAnything     = cant{sentence: "it lets a release in, or agrees in somebody's name", actions: []string{"s3:PutObject", "s3:DeleteObject"}, on: list("{releases}/admissions/*", "{releases}/approvals/*")}
	answerWaiting     = cant{sentence: "it answers where the pipeline waits for people, or changes the pipeline", actions: append(list("codepipeline:PutApprovalResult"), changePipeline.actions...)}
	changePipeline    = cant{sentence: "it changes the pipeline", actions: []string{"codepipeline:UpdatePipeline", "codepipeline:DisableStageTransition", "codepipeline:OverrideStageCondition", "codebuild:UpdateProject"}}
	signAsOthers      = cant{sentence: "it signs in another's name than the judge's", actions: []string{"kms:Sign", "kms:GenerateMac", "sts:GetWebIdentityToken"}, except: list("{judge key}")}
	signNoMeasure     = cant{sentence: "it signs in another's name than the evaluator's", actions: []string{"kms:Sign", "kms:GenerateMac", "sts:GetWebIdentityToken"}, except: list("{evaluator key}")}
	signNoAdmission   = cant{sentence: "it signs in another's name than the gate's", actions: []string{"kms:Sign", "kms:GenerateMac", "sts:GetWebIdentityToken"}, except: list("{gate key}")}
	callOtherThanGate = cant{sentence: "it calls anything but the gate", actions: callTools.actions, except: list("{gate}")}
	readOtherThanGate = cant{sentence: "it reads a secret or takes a token, or reads a parameter but the gate's address", actions: readSecrets.actions, except: list("{gate address}")}
	callOtherThanHook = cant{sentence: "it calls anything but the hook", actions: callTools.actions, except: list("arn:{p}:lambda:{r}:{a}:function:{hook}:live")}
	setUsers          = cant{sentence: "it states a user instead of verifying one, or opens a shell", actions: []string{"bedrock-agentcore:InvokeAgentRuntimeForUser", "bedrock-agentcore:InvokeAgentRuntimeCommand*", "bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStream*"}}
)

var compromised = []compromise{
	{"agent", []string{"execution"}, []cant{startAgents, loosen, callTools, readSecrets, forgeUsage, sign, rewriteCode, permissions, deleteThings}},
	{"tool", []string{"reach", "reached"}, []cant{startAgents, loosen, readSecrets, sign, rewriteCode, permissions, deleteThings}},
	{"request-interceptor", []string{"request"}, []cant{startAgents, loosen, callTools, readSecrets, signTokens, rewriteCode, permissions, deleteThings, becomeOthers, moveSwitches, rewriteFacts, blindWatch, makeUpCounts}},
	{"response-interceptor", []string{"response"}, []cant{startAgents, loosen, callTools, readSecrets, sign, rewriteCode, permissions, deleteThings, becomeOthers, moveSwitches, rewriteFacts, blindWatch, makeUpCounts}},
	{"broker", []string{"broker"}, []cant{startAgents, loosen, callTools, readSecrets, sign, rewriteCode, permissions, deleteThings, becomeOthers, moveSwitches, rewriteFacts, blindWatch, makeUpCounts}},
	{"gateway", []string{"gateway"}, []cant{startAgents, loosen, sign, rewriteCode, permissions, deleteThings, becomeOthers, touchMemory}},
	{"operating-function", []string{"operate"}, []cant{startAgents, loosen, callTools, readSecrets, sign, rewriteCode, permissions, deleteThings, becomeOthers, spendDays, forgeKeys, forgeCalls, rewriteFacts, blindWatch, makeUpCounts}},
	{"operator", []string{"operator", "breakglass"}, []cant{startAgents, loosen, callOthers, readOthers, sign, rewriteCode, permissions, deleteThings, becomeOthers, touchMemory}},
	{"sweep", []string{"sweep"}, []cant{startAgents, loosen, callTools, readSecrets, sign, rewriteCode, permissions, deleteThings, becomeOthers, stopNobody, rewriteFacts, blindWatch}},
	{"approve", []string{"approve"}, []cant{startAgents, loosen, callTools, readSecrets, signNoCalls, rewriteCode, permissions, deleteThings, becomeOthers, stopNobody, forgeKeys, forgeFacts, blindWatch}},
	{"closing", []string{"closing"}, []cant{startAgents, loosen, callTools, readSecrets, sign, rewriteCode, permissions, deleteThings, becomeOthers, moveSwitches, forgeFacts, spendLimits, blindWatch, makeUpCounts}},
	{"watch", []string{"watch"}, []cant{startAgents, loosen, callTools, readSecrets, sign, rewriteCode, permissions, deleteThings, becomeOthers, moveSwitches, forgeKeys, forgeFacts, spendLimits, makeUpCounts}},
	{"meter", []string{"meter"}, []cant{startAgents, loosen, callTools, readSecrets, readLogs, sign, rewriteCode, permissions, deleteThings, becomeOthers, moveSwitches, stopNobody, forgeKeys, spendDays, rewriteFacts}},
	{"testing-step", []string{"step-test"}, []cant{startAgents, loosen, callTools, readSecrets, sign, permissions, deleteThings, becomeOthers, handOnAnything, answerWaiting}},
	{"judging-step", []string{"step-judge"}, []cant{startAgents, loosen, callTools, readSecrets, signAsOthers, rewriteCode, permissions, deleteThings, becomeOthers, admitAnything, answerWaiting}},
	{"evaluating-step", []string{"step-evaluate"}, []cant{startAgents, loosen, callTools, readSecrets, signNoMeasure, rewriteCode, permissions, deleteThings, becomeOthers, attestAnything, admitAnything, answerWaiting}},
	{"deploying-step", []string{"step-fence", "step-deploy"}, []cant{startAgents, loosen, callTools, readSecrets, sign, rewriteCode, permissions, deleteThings, attestAnything, admitAnything, answerWaiting}},
	{"gate", []string{"gate"}, []cant{startAgents, loosen, callTools, readSecrets, signNoAdmission, rewriteCode, permissions, deleteThings, becomeOthers, attestAnything, changePipeline}},
	{"approver", []string{"approver"}, []cant{startAgents, loosen, callOtherThanGate, readOtherThanGate, sign, rewriteCode, permissions, deleteThings, becomeOthers, touchMemory, answerWaiting}},
	{"hook", []string{"hook", "hook-caller"}, []cant{startAgents, loosen, callOtherThanHook, readSecrets, sign, rewriteCode, permissions, deleteThings, becomeOthers, handOnAnything, answerWaiting}},
	{"entry", []string{"entry"}, []cant{setUsers, loosen, callTools, rewriteCode, permissions, deleteThings, stopNobody, rewriteFacts, blindWatch}},
}

var compromises = append(compromiseRules(), developer, pipelineStep)

func compromiseRules() []Rule {
	var out []Rule
	for _, row := range compromised {
		var cants []string
		for _, cannot := range row.cants {
			cants = append(cants, cannot.sentence)
		}
		sentence := "A compromised " + row.who + " cannot go past its remit: " + strings.Join(cants, "; ")
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
		if !slices.Contains(row.kinds, a.duty.kind) {
			continue
		}
		for _, cannot := range row.cants {
			if !a.words.mayBe(cannot.actions) {
				continue
			}
			if f, found := c.does(a, cannot); found {
				f.Sentence = "if compromised, " + cannot.sentence
				out = append(out, f)
			}
		}
	}
	return out
}

func (c *court) does(a *actor, what cant) (Finding, bool) {
	of, resources := c.shapes(a.duty), anything
	if what.on != nil {
		resources = of.fill(what.on)
	}
	var but []iam.Document
	if what.except != nil {
		but = append(but, want(what.actions, of.fill(what.except)))
	}
	return c.can(a, want(what.actions, resources, what.when...), but...)
}

// keyedBy is a request on items of the ledger whose leading keys are such. What keys begin with
// is the ledger's own layout (ledger/dynamo).
func keyedBy(keys ...string) []iam.Condition {
	return []iam.Condition{iam.When("ForAnyValue:StringEquals", "dynamodb:LeadingKeys", keys...)}
}

var itemWrites = list("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:PutItem", "dynamodb:UpdateItem")

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
		for _, who := range e.Deploy.People() {
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

package faults

import (
	"slices"
	"strings"

	"remit/iam"
	"remit/verify"
)

// Names in the account of the worked company's pipeline.
const (
	pipelineAccount = "333333333301"
	serviceRole     = "meridian-pipeline-service"
	testStep        = "meridian-pipeline-test"
	judgeStep       = "meridian-pipeline-judge"
	evaluateStep    = "meridian-pipeline-evaluate"
	fenceStep       = "meridian-pipeline-fence"
	deployStep      = "meridian-pipeline-deploy"
	gateRole        = "meridian-pipeline-gate"
	approverRole    = "meridian-pipeline-approver"
	hookRole        = "meridian-prod-hook"
	hookCaller      = "meridian-prod-hook-caller"

	shelfBucket    = "arn:aws:s3:::remit-releases-" + pipelineAccount + "-us-east-1"
	artifactBucket = "arn:aws:s3:::remit-artifacts-" + pipelineAccount + "-us-east-1"
	gateAt         = "arn:aws:lambda:us-east-1:" + pipelineAccount + ":function:meridian-gate"
	waitsAt        = "arn:aws:codepipeline:us-east-1:" + pipelineAccount + ":meridian"
	judgeKey       = "arn:aws:kms:us-east-1:" + pipelineAccount + ":key/<meridian-pipeline.JudgeKey>"
	evaluatorKey   = "arn:aws:kms:us-east-1:" + pipelineAccount + ":key/<meridian-pipeline.EvaluatorKey>"
	gateKey        = "arn:aws:kms:us-east-1:" + pipelineAccount + ":key/<meridian-pipeline.GateKey>"
)

// all plants several mistakes, as one change that goes wrong in two places does.
func all(plants ...func(*verify.Case)) func(*verify.Case) {
	return func(c *verify.Case) {
		for _, plant := range plants {
			plant(c)
		}
	}
}

// onPolicy changes one statement of a resource's policy.
func onPolicy(arn iam.ARN, sid string, change func(*iam.Statement)) func(*verify.Case) {
	return func(c *verify.Case) {
		d := &policyOf(c, arn).Document
		d.Statements = slices.Clone(d.Statements)
		i := slices.IndexFunc(d.Statements, func(s iam.Statement) bool { return s.Sid == sid })
		if i < 0 {
			panic("no statement " + sid + " in the policy of " + string(arn))
		}
		change(&d.Statements[i])
	}
}

// shelved lets a role write a part of the shelf, whose own policy forgets to refuse it.
func shelved(role, part, refusal string) func(*verify.Case) {
	return all(
		loose(role, grant("Write", words("s3:PutObject"), words(shelfBucket+"/"+part+"/*"), iam.When("Null", "s3:if-none-match", "false"))),
		onPolicy(shelfBucket, refusal, also("aws:PrincipalArn", arnIn(pipelineAccount, role))))
}

// also adds a value to a condition.
func also(key, value string) func(*iam.Statement) {
	return func(s *iam.Statement) {
		s.When = slices.Clone(s.When)
		for i := range s.When {
			if s.When[i].Key == key {
				s.When[i].Values = append(slices.Clone(s.When[i].Values), value)
			}
		}
	}
}

// signing lets a role sign with a key, whose own policy lets it.
func signing(role, key string) func(*verify.Case) {
	return all(loose(role, grant("SignToo", words("kms:Sign"), words(key))), admittedTo(key, role))
}

func admittedTo(key, role string) func(*verify.Case) {
	return func(c *verify.Case) {
		d := policyOf(c, iam.ARN(key)).Document
		signed := slices.IndexFunc(d.Statements, func(s iam.Statement) bool { return strings.HasPrefix(s.Sid, "SignedBy") })
		onPolicy(iam.ARN(key), d.Statements[signed].Sid, also("aws:PrincipalArn", arnIn(pipelineAccount, role)))(c)
	}
}

// entering lets a role take a deploying role of prod, which lets it in.
func entering(role, kind string) func(*verify.Case) {
	return all(
		loose(role, grant("EnterToo", words("sts:AssumeRole"), words("arn:aws:iam::"+prodAccount+":role/remit/bootstrap/meridian-prod-bootstrap-"+kind))),
		edit("meridian-prod-bootstrap-"+kind, "trust", "OnlyThePipeline", also("aws:PrincipalArn", arnIn(pipelineAccount, role))))
}

// answering is a grant to answer where the pipeline waits for people.
var answering = grant("Answer", words("codepipeline:PutApprovalResult"), words(waitsAt+"/*"))

const approversSid = "NamedPeople333333333302"

// promotions are faults about what takes a commit to prod, who lets it in, and who says what of it.
func promotions() []fault {
	return []fault{
		{"the test step hands on an artifact", "ceiling ceiling-of-boundary compromise-testing-step", all(
			loose(testStep, grant("HandOn", words("s3:PutObject"), words(artifactBucket+"/*"))),
			onPolicy(artifactBucket, "OnlyTheJudgeAndThePipeline", also("aws:PrincipalArn", arnIn(pipelineAccount, testStep))))},
		{"the test step signs as the judge", "ceiling ceiling-of-boundary compromise-testing-step promotion", signing(testStep, judgeKey)},
		{"the test step enters an account", "ceiling ceiling-of-boundary compromise-pipeline compromise-testing-step", entering(testStep, "deploy")},
		{"the judge lets a release in", "ceiling compromise-judging-step promotion", shelved(judgeStep, "admissions", "OnlyTheGateAdmits")},
		{"the judge agrees in somebody's name", "ceiling compromise-judging-step promotion", shelved(judgeStep, "approvals", "OnlyTheGateApproves")},
		{"the judge signs for the gate", "ceiling compromise-judging-step promotion", signing(judgeStep, gateKey)},
		{"the judge makes up what was measured", "ceiling promotion", shelved(judgeStep, "evaluations", "OnlyTheEvaluatorMeasures")},
		{"the evaluator attests", "ceiling compromise-evaluating-step promotion", shelved(evaluateStep, "attestations", "OnlyTheJudgeAttests")},
		{"the evaluator signs for the judge", "ceiling compromise-evaluating-step promotion", signing(evaluateStep, judgeKey)},
		{"the evaluator makes a release", "ceiling compromise-evaluating-step promotion", shelved(evaluateStep, "releases", "OnlyTheJudgeReleases")},
		{"the step that deploys stacks takes the fence's role", "ceiling ceiling-of-boundary compromise-pipeline", entering(deployStep, "fence-deploy")},
		{"a fence's role admits the step that deploys stacks", "compromise-pipeline halves", edit("meridian-prod-bootstrap-fence-deploy", "trust", "OnlyThePipeline", instead("aws:PrincipalArn", arnIn(pipelineAccount, deployStep)))},
		{"the step that deploys the fence notes what runs", "ceiling ceiling-of-boundary promotion", shelved(fenceStep, "deployed", "OnlyDeployingNotes")},
		{"the step that deploys attests", "ceiling compromise-deploying-step promotion", shelved(deployStep, "attestations", "OnlyTheJudgeAttests")},
		{"the step that deploys signs for the gate", "ceiling ceiling-of-boundary compromise-deploying-step promotion", signing(deployStep, gateKey)},
		{"the step that deploys answers for the gate", "ceiling ceiling-of-boundary compromise-deploying-step promotion", loose(deployStep, answering)},
		{"the gate attests", "ceiling compromise-gate promotion", shelved(gateRole, "attestations", "OnlyTheJudgeAttests")},
		{"the gate signs for the judge", "ceiling compromise-gate promotion", signing(gateRole, judgeKey)},
		{"the gate enters an account", "ceiling ceiling-of-boundary compromise-gate compromise-pipeline", entering(gateRole, "deploy")},
		{"the gate changes the pipeline", "ceiling ceiling-of-boundary compromise-gate", loose(gateRole, grant("Change", words("codepipeline:UpdatePipeline"), words(waitsAt)))},
		{"the pipeline answers itself", "ceiling ceiling-of-boundary promotion", loose(serviceRole, answering)},
		{"the pipeline starts other builds", "ceiling ceiling-of-boundary escalation", loose(serviceRole, grant("StartToo", words("codebuild:StartBuild"), words("arn:aws:codebuild:us-east-1:"+pipelineAccount+":project/payroll")))},
		{"an approver calls past the address", "promotion", loose(approverRole, grant("Past", words("lambda:InvokeFunction"), words(gateAt+":live")))},
		{"an approver answers past the gate", "ceiling ceiling-of-boundary compromise-approver promotion", loose(approverRole, answering)},
		{"an approver comes under any name", "promotion", edit(approverRole, "trust", approversSid, without("StringLike", "aws:userid"))},
		{"an approver is somebody who is not declared", "promotion", edit(approverRole, "trust", approversSid, instead("aws:PrincipalArn", "arn:aws:iam::333333333302:role/Somebody"))},
		{"an approver tags the session", "promotion", edit(approverRole, "trust", approversSid, func(s *iam.Statement) { s.Actions = iam.Of("sts:AssumeRole", "sts:TagSession") })},
		{"a step reaches the gate", "ceiling ceiling-of-boundary compromise-evaluating-step promotion", loose(evaluateStep, grant("Ask", words("lambda:InvokeFunctionUrl"), words(gateAt+":live")))},
		{"the gate's address asks for no signature", "promotion", func(c *verify.Case) {
			c.World.Resources = append(c.World.Resources, iam.Resource{ARN: gateAt, Type: "AWS::Lambda::Url", Account: pipelineAccount, Settings: map[string][]string{"TargetFunctionArn": {"meridian-gate"}, "AuthType": {"NONE"}}})
		}},
		{"anyone reaches the gate", "promotion resource-open", func(c *verify.Case) {
			open := iam.Statement{Sid: "AnyoneKnocks", Effect: iam.Allow, Principals: iam.Principals{AWS: words("*")}, Actions: iam.Of("lambda:InvokeFunctionUrl"), Resources: iam.Of(gateAt + ":live"), When: []iam.Condition{iam.When("StringEquals", "lambda:FunctionUrlAuthType", "NONE")}}
			d := &policyOf(c, gateAt+":live").Document
			d.Statements = append(slices.Clone(d.Statements), open)
		}},
		{"a step is let in by the gate's own policy", "promotion", func(c *verify.Case) {
			s := iam.Statement{Sid: "AskedByStep", Effect: iam.Allow, Principals: iam.Principals{AWS: words(arnIn(pipelineAccount, evaluateStep))}, Actions: iam.Of("lambda:InvokeFunction"), Resources: iam.Of(gateAt + ":live")}
			d := &policyOf(c, gateAt+":live").Document
			d.Statements = append(slices.Clone(d.Statements), s)
		}},
		{"any topic wakes the gate", "resource-open", onPolicy(gateAt+":live", "NoticedByTopic", func(s *iam.Statement) { s.When = nil })},
		{"another customer's build takes a step's role", "trust-service", edit(judgeStep, "trust", "OnlyItsProject", func(s *iam.Statement) { s.When = nil })},
		{"the hook calls a tool", "ceiling ceiling-of-boundary compromise-hook", loose(hookRole, grant("Call", words("lambda:InvokeFunction"), words("arn:aws:lambda:us-east-1:"+prodAccount+":function:score:live")))},
		{"the hook's caller calls another function", "ceiling ceiling-of-boundary compromise-hook", loose(hookCaller, grant("Call", words("lambda:InvokeFunction"), words("arn:aws:lambda:us-east-1:"+prodAccount+":function:score:live")))},
		{"the hook signs what it checks", "ceiling ceiling-of-boundary compromise-hook promotion", all(
			loose(hookRole, grant("SignToo", words("kms:Sign"), words(judgeKey))),
			onPolicy(judgeKey, "CheckedInProdPlatform", func(s *iam.Statement) { s.Actions = iam.Of("kms:Sign", "kms:Verify") }))},
		{"the hook's boundary is widened", "ceiling-of-boundary", func(c *verify.Case) {
			b := policyOf(c, roleNamed(c, hookRole).Boundary)
			b.Document.Statements = append(slices.Clone(b.Document.Statements), grant("More", words("s3:PutObject"), words("arn:aws:s3:::anything/*")))
		}},
		{"the pipeline's boundary is widened", "ceiling-of-boundary", func(c *verify.Case) {
			b := policyOf(c, roleNamed(c, serviceRole).Boundary)
			b.Document.Statements = append(slices.Clone(b.Document.Statements), grant("More", words("codebuild:StartBuild"), words("*")))
		}},
		{"images are copied from anywhere", "resource-open", onPolicy("arn:aws:ecr:us-east-1:"+prodAccount+":repository", "ImagesFromPipeline", func(s *iam.Statement) { s.Principals = iam.Principals{AWS: words("*")} })},
		{"the judge's key leaves it to IAM who signs", "promotion", onPolicy(judgeKey, "SignedByJudge", func(s *iam.Statement) { s.When = nil })},
		{"the shelf leaves it to IAM who lets a release in", "promotion", func(c *verify.Case) {
			d := &policyOf(c, shelfBucket).Document
			d.Statements = slices.DeleteFunc(slices.Clone(d.Statements), func(s iam.Statement) bool { return s.Sid == "OnlyTheGateAdmits" })
		}},
	}
}

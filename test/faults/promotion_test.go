package faults

import (
	"slices"

	"remit/iam"
	"remit/verify"
)

const (
	pipelineAccount = "333333333301"
	releases        = "arn:aws:s3:::remit-releases-" + pipelineAccount + "-us-east-1/"
	gateAt          = "arn:aws:lambda:us-east-1:" + pipelineAccount + ":function:meridian-gate"
	approverSid     = "NamedPeople333333333302"
)

// step is a role of the pipeline.
func step(kind string) string { return "meridian-pipeline-" + kind }

// signerKey is the key that somebody signs with.
func signerKey(id string) string {
	return "arn:aws:kms:us-east-1:" + pipelineAccount + ":key/<meridian-pipeline." + id + ">"
}

// keyed has a key's own policy let a role sign.
func keyed(id, role string) func(*verify.Case) {
	return func(c *verify.Case) {
		k := policyOf(c, iam.ARN(signerKey(id)))
		k.Document.Statements = slices.Clone(k.Document.Statements)
		for i, s := range k.Document.Statements {
			if slices.Contains(s.Actions.Of, "kms:Sign") {
				k.Document.Statements[i].When = []iam.Condition{iam.When("ArnLike", "aws:PrincipalArn", arnIn(pipelineAccount, step("*")))}
			}
		}
		loose(role, grant("SignToo", words("kms:Sign"), words(signerKey(id))))(c)
	}
}

// open has a bucket's own policy refuse nothing, and then plants a fault.
func open(plant func(*verify.Case)) func(*verify.Case) {
	return func(c *verify.Case) {
		b := policyOf(c, "arn:aws:s3:::remit-releases-"+pipelineAccount+"-us-east-1")
		b.Document.Statements = slices.DeleteFunc(slices.Clone(b.Document.Statements), func(s iam.Statement) bool {
			return slices.Contains(s.Actions.Of, "s3:PutObject*") || slices.Contains(s.Actions.Of, "s3:PutObject")
		})
		plant(c)
	}
}

// promoting are faults about the way of a release to prod.
func promoting() []fault {
	laying := func(part string) iam.Statement {
		return grant("Lay", words("s3:PutObject"), words(releases+part+"/*"))
	}
	answering := grant("Answer", words("codepipeline:PutApprovalResult"), words("arn:aws:codepipeline:us-east-1:"+pipelineAccount+":meridian/*"))
	return []fault{
		{"the tests hand something on", "ceiling ceiling-of-boundary", loose(step("test"), grant("HandOn", words("s3:PutObject"), words("arn:aws:s3:::remit-artifacts-"+pipelineAccount+"-us-east-1/*")))},
		{"the tests sign for the judge", "ceiling ceiling-of-boundary compromise-testing-step promotion", keyed("JudgeKey", step("test"))},
		{"the judge signs for the gate", "ceiling compromise-judging-step promotion", keyed("GateKey", step("judge"))},
		{"the evaluator signs for the judge", "ceiling compromise-evaluating-step promotion", keyed("JudgeKey", step("evaluate"))},
		{"the judge lets a release in", "ceiling compromise-judging-step promotion", open(loose(step("judge"), laying("admissions")))},
		{"the evaluator attests", "ceiling compromise-evaluating-step promotion", open(loose(step("evaluate"), laying("attestations")))},
		{"a deploying step agrees in somebody's name", "ceiling compromise-deploying-step promotion", open(loose(step("deploy"), laying("approvals")))},
		{"the gate attests", "ceiling compromise-gate promotion", open(loose(step("gate"), laying("attestations")))},
		{"the gate notes what runs", "ceiling promotion", open(loose(step("gate"), laying("deployed")))},
		{"a deploying step answers for the gate", "ceiling ceiling-of-boundary compromise-deploying-step promotion", loose(step("deploy"), answering)},
		{"the pipeline's own role answers for the gate", "ceiling ceiling-of-boundary promotion", loose(step("service"), answering)},
		{"the step that deploys stacks deploys the fence", "ceiling ceiling-of-boundary compromise-pipeline", func(c *verify.Case) {
			fenceDeploy := "meridian-prod-bootstrap-fence-deploy"
			edit(fenceDeploy, "trust", "OnlyThePipeline", func(s *iam.Statement) {
				s.When = []iam.Condition{iam.When("ArnEquals", "aws:PrincipalArn", arnIn(pipelineAccount, step("fence")), arnIn(pipelineAccount, step("deploy")))}
			})(c)
			loose(step("deploy"), grant("Fence", words("sts:AssumeRole"), words("arn:aws:iam::"+prodAccount+":role/remit/bootstrap/"+fenceDeploy)))(c)
		}},
		{"the tests start the step that signs", "ceiling ceiling-of-boundary escalation", loose(step("test"), grant("Start", words("codebuild:StartBuild"), words("arn:aws:codebuild:us-east-1:"+pipelineAccount+":project/meridian-judge")))},
		{"an approver calls past the address", "promotion", loose(step("approver"), grant("Past", words("lambda:InvokeFunction"), words(gateAt+":live")))},
		{"an approver comes under any name", "promotion", edit(step("approver"), "trust", approverSid, without("StringLike", "aws:userid"))},
		{"somebody who is not declared approves", "promotion", edit(step("approver"), "trust", approverSid, instead("aws:PrincipalArn", "arn:aws:iam::333333333302:role/Somebody"))},
		{"an approver reads what was said of releases", "ceiling ceiling-of-boundary compromise-approver", loose(step("approver"), grant("Read", words("s3:GetObject"), words(releases+"*")))},
		{"the gate's address asks for no signature", "promotion", func(c *verify.Case) {
			thing("AWS::Lambda::Url", "url", map[string][]string{"TargetFunctionArn": {"meridian-gate"}, "AuthType": {"NONE"}})(c)
			c.World.Resources[len(c.World.Resources)-1].Account = pipelineAccount
		}},
		{"another service tells the gate what waits", "promotion", func(c *verify.Case) {
			p := policyOf(c, iam.ARN(gateAt+":live"))
			p.Document.Statements = slices.Clone(p.Document.Statements)
			p.Document.Statements[0].Principals = iam.Principals{Service: words("events.amazonaws.com")}
		}},
		{"CodeBuild takes a step's role for anyone", "trust-service", func(c *verify.Case) {
			edit(step("judge"), "trust", "OnlyItsProject", func(s *iam.Statement) { s.When = nil })(c)
		}},
		{"the hook calls a tool", "ceiling ceiling-of-boundary compromise-hook", loose("meridian-prod-hook", grant("Call", words("lambda:InvokeFunction"), words("arn:aws:lambda:us-east-1:"+prodAccount+":function:score:live")))},
		{"the hook writes what it is to check", "ceiling ceiling-of-boundary compromise-hook", loose("meridian-prod-hook", grant("Write", words("s3:PutObject"), words("arn:aws:s3:::remit-assets-"+prodAccount+"-us-east-1/administration/*")))},
	}
}

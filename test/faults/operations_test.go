package faults

import (
	"slices"

	"remit/iam"
	"remit/verify"
)

const (
	ledgerTable = "arn:aws:dynamodb:us-east-1:" + prodAccount + ":table/meridian-prod-ledger"
	operateAt   = "arn:aws:lambda:us-east-1:" + prodAccount + ":function:meridian-prod-operate"
)

// writes is a grant to write items of the ledger whose keys begin so.
func writes(leading string) iam.Statement {
	return grant("Write", words("dynamodb:UpdateItem"), words(ledgerTable), iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", leading), iam.When("Null", "dynamodb:LeadingKeys", "false"))
}

// peopleSid is the one statement of a human role's trust.
const peopleSid = "NamedPeople333333333302"

// interventions are faults about whoever stops, resumes and raises.
func interventions() []fault {
	return []fault{
		{"an operator's role reaches the ledger", "ceiling ceiling-of-boundary compromise-operator operations", loose(operator, writes("SWITCHES"))},
		{"an operator's role reads the ledger", "ceiling ceiling-of-boundary compromise-operator", loose(operator, grant("Read", words("dynamodb:GetItem"), words(ledgerTable)))},
		{"an operator's role calls past the address", "operations", loose(operator, grant("Past", words("lambda:InvokeFunction"), words(operateAt+":live")))},
		{"a second principal writes switches", "compromise-entry operations", loose(entryRole, writes("SWITCHES"))},
		{"a second principal writes widenings", "compromise-sweep operations", loose(sweepRole, writes("WIDEN#*"))},
		{"somebody else reaches the function where people intervene", "ceiling operations", plain(gatewayRole, grant("Intervene", words("lambda:InvokeFunction"), words(operateAt+":live")))},
		{"an operator comes under any name", "operations", edit(operator, "trust", peopleSid, without("StringLike", "aws:userid"))},
		{"whoever breaks the glass comes under a name that ends alike", "operations", edit(breakglass, "trust", peopleSid, instead("aws:userid", "*${sts:RoleSessionName}"))},
		{"somebody who is not declared breaks the glass", "operations", edit(breakglass, "trust", peopleSid, instead("aws:PrincipalArn", "arn:aws:iam::333333333302:role/Somebody"))},
		{"whoever operates tags the session", "operations", edit(operator, "trust", peopleSid, func(s *iam.Statement) { s.Actions = iam.Of("sts:AssumeRole", "sts:TagSession") })},
		{"the address where people intervene asks for no signature", "operations", thing("AWS::Lambda::Url", "url", map[string][]string{"TargetFunctionArn": {"meridian-prod-operate"}, "AuthType": {"NONE"}})},
		{"anyone reaches the function where people intervene", "operations resource-open", func(c *verify.Case) {
			open := iam.Statement{Sid: "AnyoneKnocks", Effect: iam.Allow, Principals: iam.Principals{AWS: words("*")}, Actions: iam.Of("lambda:InvokeFunctionUrl"), Resources: iam.Of(operateAt + ":live"), When: []iam.Condition{iam.When("StringEquals", "lambda:FunctionUrlAuthType", "NONE")}}
			c.World.Policies = append(slices.Clip(c.World.Policies), iam.Policy{ARN: operateAt + ":live", Kind: "AWS::Lambda::Function", Account: prodAccount, Document: iam.Doc(open)})
		}},
		{"the operating function calls a tool", "ceiling ceiling-of-boundary compromise-operating-function", loose(operateRole, grant("Call", words("lambda:InvokeFunction"), words("arn:aws:lambda:us-east-1:"+prodAccount+":function:score:live")))},
		{"the operating function approves for a user", "compromise-operating-function", loose(operateRole, writes("CONFIRM#*"))},
		{"the operating function gives a day back", "compromise-operating-function", loose(operateRole, writes("USER#*"))},
	}
}

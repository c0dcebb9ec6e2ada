package verify

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"remit/iam"
)

// before is a small world with one of everything that is compared.
func before() iam.World {
	const account = "111111111111"
	boundary := iam.ARN("arn:aws:iam::" + account + ":policy/b")
	runtime := iam.ARN("arn:aws:bedrock-agentcore:us-east-1:" + account + ":runtime/r")
	deny := iam.Statement{Sid: "NobodyElse", Effect: iam.Deny, Principals: iam.Principals{AWS: []string{"*"}}, Actions: iam.Of("bedrock-agentcore:InvokeAgentRuntime"), Resources: iam.Of(string(runtime)), When: []iam.Condition{iam.When("ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::"+account+":role/entry")}}
	return iam.World{
		Roles: []iam.Role{{ARN: "arn:aws:iam::" + account + ":role/r", Boundary: boundary,
			Trust:  iam.Doc(iam.Statement{Sid: "T", Effect: iam.Allow, Principals: iam.Principals{Service: []string{"lambda.amazonaws.com"}}, Actions: iam.Of("sts:AssumeRole")}),
			Policy: iam.Doc(iam.Statement{Sid: "Read", Effect: iam.Allow, Actions: iam.Of("dynamodb:GetItem"), Resources: iam.Of("arn:aws:dynamodb:us-east-1:" + account + ":table/t")})}},
		Policies: []iam.Policy{
			{ARN: boundary, Kind: "managed", Document: iam.Doc(iam.Statement{Sid: "All", Effect: iam.Allow, Actions: iam.Of("dynamodb:*"), Resources: iam.Of("*")})},
			{ARN: runtime, Kind: "AWS::BedrockAgentCore::Runtime", Document: iam.Doc(deny)}},
		Resources: []iam.Resource{{ARN: "arn:aws:bedrock-agentcore:us-east-1:" + account + ":gateway/g", Type: "AWS::BedrockAgentCore::Gateway", Account: account,
			Settings: map[string][]string{"PolicyEngineConfiguration.Mode": {"ENFORCE"}, "PolicyEngineConfiguration.Arn": {"e"}, "AuthorizerType": {"CUSTOM_JWT"}, "InterceptorConfigurations.InterceptionPoints": {"REQUEST", "RESPONSE"}}}},
	}
}

// told is every change that is not the same, by part.
func told(changes []Change) string {
	var out []string
	for _, c := range changes {
		if c.Meaning != Same {
			out = append(out, fmt.Sprintf("%s: %s", c.Part, c.Meaning))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestAChangeIsToldByWhatItMeans(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*iam.World)
		want   string
	}{
		"nothing": {func(*iam.World) {}, ""},
		"the same in other words": {func(w *iam.World) {
			w.Roles[0].Policy.Statements[0].Sid, w.Roles[0].Policy.Statements[0].Actions = "Other", iam.Of("DynamoDB:getitem", "dynamodb:GetItem")
		}, ""},
		"a grant": {func(w *iam.World) {
			w.Roles[0].Policy.Statements[0].Actions = iam.Of("dynamodb:GetItem", "dynamodb:PutItem")
		}, "permissions: new access"},
		"a grant that the boundary refuses": {func(w *iam.World) {
			w.Roles[0].Policy.Statements[0].Actions = iam.Of("dynamodb:GetItem", "s3:GetObject")
		}, ""},
		"a condition": {func(w *iam.World) {
			w.Roles[0].Policy.Statements[0].When = []iam.Condition{iam.When("Bool", "aws:SecureTransport", "true")}
		}, "permissions: narrower"},
		"the boundary is taken off": {func(w *iam.World) { w.Roles[0].Boundary = "" }, "boundary: new access"},
		"the boundary is widened":   {func(w *iam.World) { w.Policies[0].Document.Statements[0].Actions = iam.Of("*") }, "policy: new access"},
		"the boundary is another":   {func(w *iam.World) { w.Roles[0].Boundary = "arn:aws:iam::111111111111:policy/unknown" }, "boundary: unknown"},
		"another service may take it": {func(w *iam.World) {
			w.Roles[0].Trust.Statements[0].Principals.Service = []string{"lambda.amazonaws.com", "ec2.amazonaws.com"}
		}, "trust: new access"},
		"another account may take it": {func(w *iam.World) {
			w.Roles[0].Trust.Statements[0].Principals.AWS = []string{"arn:aws:iam::222222222222:root"}
		}, "trust: new access"},
		"nobody may take it": {func(w *iam.World) { w.Roles[0].Trust = iam.Document{} }, "trust: narrower"},
		"a runtime refuses fewer": {func(w *iam.World) {
			w.Policies[1].Document.Statements[0].When[0].Values = []string{"arn:aws:iam::111111111111:role/entry", "arn:aws:iam::111111111111:role/other"}
		}, "refusals: new access"},
		"a runtime's policy is gone": {func(w *iam.World) { w.Policies = w.Policies[:1] }, "policy: new access"},
		"a table's policy is new": {func(w *iam.World) {
			w.Policies = append(w.Policies, iam.Policy{ARN: "arn:aws:dynamodb:us-east-1:111111111111:table/t", Kind: "AWS::DynamoDB::Table", Document: iam.Doc(iam.Statement{Sid: "S", Effect: iam.Allow, Principals: iam.Principals{AWS: []string{"arn:aws:iam::222222222222:root"}}, Actions: iam.Of("dynamodb:GetItem"), Resources: iam.Of("*")})})
		}, "policy: new access"},
		"a gateway only logs":                {func(w *iam.World) { w.Resources[0].Settings["PolicyEngineConfiguration.Mode"] = []string{"LOG_ONLY"} }, "settings: new access"},
		"a gateway is called otherwise":      {func(w *iam.World) { w.Resources[0].Settings["Description"] = []string{"x"} }, "settings: unknown"},
		"a role is gone":                     {func(w *iam.World) { w.Roles = nil }, "role: gone"},
		"an attached policy nobody can read": {func(w *iam.World) { w.Roles[0].Managed = []iam.ARN{"arn:aws:iam::aws:policy/ReadOnlyAccess"} }, "permissions: unknown"},
	} {
		after := before()
		c.change(&after)
		if got := told(Compare(before(), after)); got != c.want {
			t.Errorf("%s\n  got  %s\n  want %s", name, got, c.want)
		}
	}
}

func TestNewAccessIsShownByARequestThatOnlyTheNewWorldAllows(t *testing.T) {
	after := before()
	after.Roles[0].Policy.Statements[0].Actions = iam.Of("dynamodb:GetItem", "dynamodb:PutItem")
	for _, c := range Compare(before(), after) {
		if c.Meaning != New {
			continue
		}
		if before().Eval(c.Witness) == iam.Allowed || after.Eval(c.Witness) != iam.Allowed {
			t.Errorf("the example is no example: %+v", c.Witness)
		}
		return
	}
	t.Error("a new grant is not told")
}

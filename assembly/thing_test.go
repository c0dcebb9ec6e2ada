package assembly_test

import (
	"slices"
	"strings"
	"testing"

	"remit/iam"
)

func TestAThingKeepsItsSettingsAndSaysWhichItCouldNotRead(t *testing.T) {
	w, unreadable := read(t, `{"Parameters": {"Bare": {"Type": "String"}}, "Resources": {
	  "G": {"Type": "AWS::BedrockAgentCore::Gateway", "Properties": {"Name": "g", "RoleArn": "arn:aws:iam::111111111111:role/g", "AuthorizerType": {"Ref": "Bare"},
	    "PolicyEngineConfiguration": {"Mode": "ENFORCE", "Arn": {"Fn::GetAtt": ["E", "PolicyEngineArn"]}},
	    "InterceptorConfigurations": [{"InterceptionPoints": ["REQUEST"]}, {"InterceptionPoints": ["RESPONSE"]}]}},
	  "E": {"Type": "AWS::BedrockAgentCore::PolicyEngine", "Properties": {}}}}`)
	if len(unreadable) > 0 {
		t.Errorf("a gateway is called unreadable for one unknown setting: %v", unreadable)
	}
	gateways := w.Of("AWS::BedrockAgentCore::Gateway")
	if len(gateways) != 1 {
		t.Fatalf("the gateway is not in the world: %v", w.Resources)
	}
	g := gateways[0]
	if g.Setting("PolicyEngineConfiguration.Mode") != "ENFORCE" || !strings.Contains(g.Setting("PolicyEngineConfiguration.Arn"), ":policy-engine/<s.E>") {
		t.Errorf("whether policy is enforced is lost: %v", g.Settings)
	}
	if got := g.Settings["InterceptorConfigurations.InterceptionPoints"]; !slices.Equal(got, []string{"REQUEST", "RESPONSE"}) {
		t.Errorf("an interceptor is lost: %v", got)
	}
	if !g.Unknown("AuthorizerType") || g.Unknown("PolicyEngineConfiguration") {
		t.Errorf("a setting chosen at deployment passes for known, or the reverse: %v", g.Unread)
	}
}

func TestAConditionIsDecidedByTheDefaults(t *testing.T) {
	template := `{"Parameters": {"Stage": {"Type": "String", "Default": "prod"}},
	  "Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}, "Not": {"Fn::Not": [{"Condition": "IsProd"}]}, "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "Not"}]},
	    "Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "Not"}]}, "Loop": {"Condition": "Loop"}},
	  "Resources": {"R": {"Type": "AWS::IAM::Role", "Condition": "CONDITION", "Properties": {"RoleName": {"Fn::If": ["Either", "yes", "no"]}, "AssumeRolePolicyDocument": ` + nobody + `}}}}`
	for condition, want := range map[string]string{"IsProd": "yes", "Not": "", "Both": "", "Either": "yes", "Loop": "UNREADABLE", "Absent": "UNREADABLE"} {
		w, unreadable := read(t, strings.Replace(template, "CONDITION", condition, 1))
		got := ""
		for _, r := range w.Roles {
			got = r.ARN.Name()
		}
		if len(unreadable) > 0 {
			got = "UNREADABLE"
		}
		if got != want {
			t.Errorf("a role under condition %s is read as %q, want %q: %v", condition, got, want, unreadable)
		}
	}
}

func TestWhatOpensAResourceBecomesItsPolicy(t *testing.T) {
	w, unreadable := read(t, `{"Resources": {
	  "F": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "f", "Role": "arn:aws:iam::111111111111:role/f"}},
	  "P": {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": {"Ref": "F"}, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "SourceAccount": {"Ref": "AWS::AccountId"}}},
	  "Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}},
	  "QP": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Q"}], "PolicyDocument": `+statement+`}}}}`)
	if len(unreadable) > 0 {
		t.Fatalf("unreadable: %v", unreadable)
	}
	var got []string
	for _, p := range w.Policies {
		got = append(got, p.Kind+" "+string(p.ARN))
	}
	want := []string{"AWS::Lambda::Function arn:aws:lambda:us-east-1:111111111111:function:f", "AWS::SQS::Queue arn:aws:sqs:us-east-1:111111111111:q"}
	if !slices.Equal(got, want) {
		t.Errorf("who may call is lost\n  got  %v\n  want %v", got, want)
	}
	s := w.Policies[0].Document.Statements[0]
	if !slices.Equal(s.Principals.Service, []string{"events.amazonaws.com"}) || len(s.When) != 1 || s.Effect != iam.Allow {
		t.Errorf("the permission is not what AWS makes of it: %+v", s)
	}
	if role := w.Of("AWS::Lambda::Function")[0].Setting("Role"); role != "arn:aws:iam::111111111111:role/f" {
		t.Errorf("the role a function runs as is lost: %q", role)
	}
}

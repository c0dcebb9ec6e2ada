package assembly_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"remit/assembly"
	"remit/iam"
)

const (
	account = "111111111111"
	region  = "us-east-1"
)

// read reads one template, given as the text of its sections.
func read(t testing.TB, template string) (iam.World, []assembly.Unreadable) {
	t.Helper()
	s, err := assembly.Parse([]byte(template), "s", account, region)
	if err != nil {
		t.Fatalf("%v\n%s", err, template)
	}
	return assembly.World([]assembly.Stack{s})
}

// asResource is what a role's policy says its Resource is, when the template writes it so.
func asResource(t *testing.T, value string) string {
	t.Helper()
	w, unreadable := read(t, withResource(value))
	if len(unreadable) > 0 {
		return unreadable[0].String()
	}
	return strings.Join(w.Roles[0].Policy.Statements[0].Resources.Of, " | ")
}

func withResource(value string) string {
	return `{
  "Parameters": {"Stage": {"Type": "String", "Default": "prod"}, "Count": {"Type": "Number", "Default": 3}, "Bare": {"Type": "String"},
    "Some": {"Type": "CommaDelimitedList", "Default": "arn:aws:s3:::a, arn:aws:s3:::b"}, "Looked": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/x/y"}},
  "Mappings": {"Regions": {"us-east-1": {"bucket": "arn:aws:s3:::east"}}},
  "Resources": {
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "Path": "/p/", "AssumeRolePolicyDocument": ` + nobody + `,
      "Policies": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": {"Sid": "S", "Effect": "Allow", "Action": "s3:GetObject", "Resource": ` + value + `}}}]}},
    "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": {"Fn::Sub": "t-${Stage}"}}},
    "Nameless": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": ` + nobody + `}},
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "n"}},
    "Runtime": {"Type": "AWS::BedrockAgentCore::Runtime", "Properties": {}},
    "Endpoint": {"Type": "AWS::BedrockAgentCore::RuntimeEndpoint", "Properties": {"AgentRuntimeId": {"Fn::GetAtt": ["Runtime", "AgentRuntimeId"]}, "Name": "stable"}},
    "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {}},
    "Nested": {"Type": "AWS::S3::Bucket", "Properties": {}},
    "A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "B"}}},
    "B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "A"}}}
  }}`
}

const nobody = `{"Version": "2012-10-17", "Statement": []}`

func TestAnIntrinsicBecomesTheARNItWillBe(t *testing.T) {
	for name, c := range map[string]struct{ written, want string }{
		"plain text":                     {`"arn:aws:s3:::b"`, "arn:aws:s3:::b"},
		"a list":                         {`["x:b", "x:a"]`, "x:a | x:b"},
		"Ref of a parameter":             {`{"Fn::Sub": "arn:aws:s3:::${Stage}"}`, "arn:aws:s3:::prod"},
		"Ref of a number":                {`{"Fn::Sub": "arn:aws:s3:::b${Count}"}`, "arn:aws:s3:::b3"},
		"Ref of a list of ARNs":          {`{"Ref": "Some"}`, "arn:aws:s3:::a | arn:aws:s3:::b"},
		"Ref that answers a name":        {`{"Fn::Sub": "arn:aws:s3:::${Table}"}`, "arn:aws:s3:::t-prod"},
		"Ref that answers an ARN":        {`{"Ref": "Topic"}`, "arn:aws:sns:us-east-1:111111111111:n"},
		"Ref of a nameless one":          {`{"Fn::Sub": "arn:aws:x:::${Nameless}"}`, "arn:aws:x:::<s.Nameless>"},
		"GetAtt as a list":               {`{"Fn::GetAtt": ["Table", "Arn"]}`, "arn:aws:dynamodb:us-east-1:111111111111:table/t-prod"},
		"GetAtt as text":                 {`{"Fn::GetAtt": "Table.Arn"}`, "arn:aws:dynamodb:us-east-1:111111111111:table/t-prod"},
		"GetAtt of a nameless one":       {`{"Fn::GetAtt": ["Nameless", "Arn"]}`, "arn:aws:dynamodb:us-east-1:111111111111:table/<s.Nameless>"},
		"GetAtt of a key":                {`{"Fn::GetAtt": ["Key", "Arn"]}`, "arn:aws:kms:us-east-1:111111111111:key/<s.Key>"},
		"GetAtt of an endpoint":          {`{"Fn::GetAtt": ["Endpoint", "AgentRuntimeEndpointArn"]}`, "arn:aws:bedrock-agentcore:us-east-1:111111111111:runtime/<s.Runtime>/runtime-endpoint/stable"},
		"a role's own ARN with its path": {`{"Fn::GetAtt": ["Role", "Arn"]}`, "arn:aws:iam::111111111111:role/p/r"},
		"another attribute in an ARN":    {`{"Fn::Sub": "arn:aws:s3:::${Nested.DomainName}"}`, "arn:aws:s3:::<s.Nested.DomainName>"},
		"Join":                           {`{"Fn::Join": [":", ["arn", {"Ref": "AWS::Partition"}, "s3", "", "", "b"]]}`, "arn:aws:s3:::b"},
		"Join of a Split":                {`{"Fn::Join": ["-", {"Fn::Split": [",", "a,b"]}]}`, "a-b"},
		"Sub with its own variables":     {`{"Fn::Sub": ["arn:${P}:s3:::${Stage}-${X}", {"P": {"Ref": "AWS::Partition"}, "X": "y"}]}`, "arn:aws:s3:::prod-y"},
		"Sub with an attribute":          {`{"Fn::Sub": "${Table.Arn}/index/i"}`, "arn:aws:dynamodb:us-east-1:111111111111:table/t-prod/index/i"},
		"Sub with a policy variable":     {`{"Fn::Sub": "arn:aws:s3:::b/${!aws:username}/*"}`, "arn:aws:s3:::b/${aws:username}/*"},
		"an own variable hides":          {`{"Fn::Sub": ["${Stage}", {"Stage": "mine"}]}`, "mine"},
		"Select":                         {`{"Fn::Select": ["1", ["a", "b"]]}`, "b"},
		"Select of a Split":              {`{"Fn::Select": [2, {"Fn::Split": [":", "a:b:c"]}]}`, "c"},
		"FindInMap":                      {`{"Fn::FindInMap": ["Regions", {"Ref": "AWS::Region"}, "bucket"]}`, "arn:aws:s3:::east"},
		"account and region":             {`{"Fn::Sub": "${AWS::AccountId}/${AWS::Region}/${AWS::Partition}/${AWS::StackName}/${AWS::URLSuffix}"}`, "111111111111/us-east-1/aws/s/amazonaws.com"},
		"the stack's id":                 {`{"Ref": "AWS::StackId"}`, "arn:aws:cloudformation:us-east-1:111111111111:stack/s/<s.StackId>"},
		"NoValue in a list":              {`["a", {"Ref": "AWS::NoValue"}]`, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := asResource(t, c.written); got != c.want {
				t.Errorf("the proof would speak of another resource than the deployment\n  %s\n  got  %s\n  want %s", c.written, got, c.want)
			}
		})
	}
}

func TestWhatCannotBeKnownIsUnreadableAndNeverGuessed(t *testing.T) {
	for name, c := range map[string]struct{ written, why string }{
		"If":                             {`{"Fn::If": ["C", "a", "b"]}`, "Fn::If: condition C is not in this template"},
		"Transform":                      {`{"Fn::Transform": {"Name": "AWS::Include"}}`, "Fn::Transform is not resolved here"},
		"GetAZs":                         {`{"Fn::GetAZs": ""}`, "Fn::GetAZs is not resolved here"},
		"an ARN of an unknown shape":     {`{"Fn::GetAtt": ["Machine", "Arn"]}`, "the shape of this ARN of a AWS::StepFunctions::StateMachine is not known here"},
		"Ref that may be an ARN":         {`{"Ref": "Machine"}`, "<s.Machine> may be a name or an ARN"},
		"an import that nobody exports":  {`{"Fn::ImportValue": "x"}`, "no stack read here exports it"},
		"a parameter without default":    {`{"Ref": "Bare"}`, "parameter Bare has no default"},
		"a parameter looked up in SSM":   {`{"Ref": "Looked"}`, "parameter Looked names an SSM parameter"},
		"nothing of that name":           {`{"Ref": "Nobody"}`, "Ref Nobody names nothing"},
		"an attribute of nothing":        {`{"Fn::GetAtt": ["Nobody", "Arn"]}`, "Fn::GetAtt Nobody names nothing"},
		"names that name each other":     {`{"Fn::GetAtt": ["A", "Arn"]}`, "nested more than 64 deep, or in a circle"},
		"a policy variable not escaped":  {`{"Fn::Sub": "${aws:username}"}`, "Ref aws:username names nothing"},
		"Sub without an end":             {`{"Fn::Sub": "${Stage"}`, "Fn::Sub has ${ without }"},
		"Sub of a list in a text":        {`{"Fn::Sub": "x${Some}"}`, "want text"},
		"Sub of a number":                {`{"Fn::Sub": 3}`, "Fn::Sub of float64"},
		"Join of text":                   {`{"Fn::Join": ["-", "a"]}`, "Fn::Join of"},
		"Join of a map":                  {`{"Fn::Join": ["-", [{"a": "b"}]]}`, "want text"},
		"Split of a list":                {`{"Fn::Split": [",", ["a"]]}`, "Fn::Split of"},
		"Select past the end":            {`{"Fn::Select": [2, ["a", "b"]]}`, "Fn::Select 2 of"},
		"Select before the beginning":    {`{"Fn::Select": ["-1", ["a"]]}`, "Fn::Select -1 of"},
		"Select by a word":               {`{"Fn::Select": ["x", ["a"]]}`, "Fn::Select x of"},
		"FindInMap of nothing":           {`{"Fn::FindInMap": ["Regions", "eu-west-1", "bucket"]}`, "Fn::FindInMap finds nothing at Regions.eu-west-1.bucket"},
		"Ref of a list":                  {`{"Ref": ["a"]}`, "Ref of []interface {}"},
		"GetAtt with a computed name":    {`{"Fn::GetAtt": ["Table", {"Ref": "Stage"}]}`, "Fn::GetAtt of"},
		"two intrinsics in one place":    {`{"Ref": "Table", "Fn::Sub": "x"}`, "want text"},
		"an object that is no intrinsic": {`{"Arn": "x"}`, "want text"},
		"nothing":                        {`null`, "want text"},
	} {
		t.Run(name, func(t *testing.T) {
			w, unreadable := read(t, withResource(c.written))
			if len(w.Roles) > 0 {
				t.Errorf("the role was read as if nothing were missing: %v", w.Roles[0].Policy.Statements)
			}
			if len(unreadable) != 1 || unreadable[0].Stack != "s" || unreadable[0].LogicalID != "Role" || !strings.Contains(unreadable[0].Why, c.why) {
				t.Errorf("%s was dropped or blamed on something else\n  got  %v\n  want s/Role … %s", c.written, unreadable, c.why)
			}
		})
	}
}

// resources is a template of these resources beside a role r.
func resources(more ...string) string {
	return `{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "AssumeRolePolicyDocument": ` + nobody + `}}` +
		strings.Join(append([]string{""}, more...), ",\n") + `}}`
}

const statement = `{"Version": "2012-10-17", "Statement": [{"Sid": "S", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]}`

func TestWhatMayGrantAccessIsNeverSilent(t *testing.T) {
	quoted, _ := json.Marshal(statement)
	for name, c := range map[string]struct{ written, why string }{
		"a role under a condition":           {`"X": {"Type": "AWS::IAM::Role", "Condition": "C", "Properties": {}}`, "only under condition C"},
		"a policy under a condition":         {`"X": {"Type": "AWS::IAM::Policy", "Condition": "C", "Properties": {}}`, "only under condition C"},
		"a resource policy under one":        {`"X": {"Type": "AWS::KMS::Key", "Condition": "C", "Properties": {}}`, "only under condition C"},
		"a function's permission":            {`"X": {"Type": "AWS::Lambda::Permission", "Properties": {"Action": "lambda:InvokeFunction", "Principal": "*"}}`, "can grant access"},
		"a function's permission under one":  {`"X": {"Type": "AWS::Lambda::Permission", "Condition": "C", "Properties": {}}`, "can grant access"},
		"a bus policy without statements":    {`"X": {"Type": "AWS::Events::EventBusPolicy", "Properties": {"Action": "events:PutEvents", "Principal": "*"}}`, "can grant access"},
		"a user":                             {`"X": {"Type": "AWS::IAM::User", "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}}`, "can grant access"},
		"a group":                            {`"X": {"Type": "AWS::IAM::Group", "Properties": {}}`, "can grant access"},
		"a type that is not AWS's":           {`"X": {"Type": "Some::Other::Thing", "Properties": {}}`, "no type of AWS's own"},
		"an access key":                      {`"X": {"Type": "AWS::IAM::AccessKey", "Properties": {}}`, "can grant access"},
		"a policy on users":                  {`"X": {"Type": "AWS::IAM::Policy", "Properties": {"Users": ["u"], "PolicyDocument": ` + statement + `}}`, "attached to users"},
		"a policy on a role and on groups":   {`"X": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": ["r"], "Groups": ["g"], "PolicyDocument": ` + statement + `}}`, "attached to groups"},
		"a managed policy on groups":         {`"X": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"Groups": ["g"], "PolicyDocument": ` + statement + `}}`, "attached to groups"},
		"a policy on nobody":                 {`"X": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": ` + statement + `}}`, "not a role"},
		"a policy on a role elsewhere":       {`"X": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": ["elsewhere"], "PolicyDocument": ` + statement + `}}`, "role elsewhere is not in what was read"},
		"roles that are not a list":          {`"X": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": "r", "PolicyDocument": ` + statement + `}}`, "Roles: want a list"},
		"policies that are not a list":       {`"X": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ` + nobody + `, "Policies": {"PolicyDocument": ` + statement + `}}}`, "Policies: want a list"},
		"managed policies not in a list":     {`"X": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ` + nobody + `, "ManagedPolicyArns": "arn:aws:iam::aws:policy/AdministratorAccess"}}`, "ManagedPolicyArns: want a list"},
		"an inline policy of no document":    {`"X": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ` + nobody + `, "Policies": ["x"]}}`, "Policies[0]"},
		"a role without a trust":             {`"X": {"Type": "AWS::IAM::Role", "Properties": {}}`, "AssumeRolePolicyDocument"},
		"two policy languages in one role":   {`"X": {"Type": "AWS::IAM::RolePolicy", "Properties": {"RoleName": "r", "PolicyDocument": ` + statement + `}}, "Y": {"Type": "AWS::IAM::RolePolicy", "Properties": {"RoleName": "r", "PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}}}`, "policy language version 2008-10-17 beside 2012-10-17"},
		"a boundary nobody can name":         {`"X": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ` + nobody + `, "PermissionsBoundary": {"Ref": "Z"}}}, "Z": {"Type": "Some::Thing", "Properties": {}}`, "PermissionsBoundary"},
		"a session length nobody can tell":   {`"X": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ` + nobody + `, "MaxSessionDuration": "long"}}`, "MaxSessionDuration"},
		"a nested stack":                     {`"X": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://x"}}`, "can grant access"},
		"an unknown type with statements":    {`"X": {"Type": "AWS::New::Thing", "Properties": {"Deep": [{"Policy": ` + statement + `}]}}`, "can grant access"},
		"an unknown type with a text policy": {`"X": {"Type": "AWS::New::Policy", "Properties": {"PolicyDocument": ` + string(quoted) + `}}`, "can grant access"},
		"a queue policy on no queue":         {`"X": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"PolicyDocument": ` + statement + `}}`, "can grant access"},
		"a stream's policy on a table":       {`"X": {"Type": "AWS::DynamoDB::Table", "Properties": {"StreamSpecification": {"ResourcePolicy": {"PolicyDocument": ` + statement + `}}}}`, "StreamSpecification holds a policy too"},
		"a key without a policy":             {`"X": {"Type": "AWS::KMS::Key", "Properties": {}}`, "AWS's own"},
		"a policy text that is no JSON":      {`"X": {"Type": "AWS::SecretsManager::ResourcePolicy", "Properties": {"SecretId": "arn:aws:secretsmanager:us-east-1:111111111111:secret:x", "ResourcePolicy": "{"}}`, "not JSON"},
		"an element nobody knows":            {`"X": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": [], "Grants": []}}}`, "unknown element"},
		"a resource without a type":          {`"Fn::Transform": {"Name": "AWS::Include"}`, "it has no type"},
	} {
		t.Run(name, func(t *testing.T) {
			w, unreadable := read(t, resources(c.written))
			if len(unreadable) == 0 {
				t.Fatalf("it was dropped, and with it a permission; the world has %d roles and %d policies", len(w.Roles), len(w.Policies))
			}
			if !slices.ContainsFunc(unreadable, func(u assembly.Unreadable) bool {
				return strings.Contains(u.Why, c.why) && u.LogicalID != "" && u.Stack == "s"
			}) {
				t.Errorf("the reader is told something else\n  got  %v\n  want … %s", unreadable, c.why)
			}
		})
	}
}

func TestAMacroMakesATemplateUnreadable(t *testing.T) {
	for _, transform := range []string{`"AWS::Serverless-2016-10-31"`, `["AWS::LanguageExtensions"]`, `{"Name": "Mine"}`} {
		_, unreadable := read(t, `{"Transform": `+transform+`, "Resources": {}}`)
		if len(unreadable) != 1 || unreadable[0].LogicalID != "Transform" {
			t.Errorf("a macro may add any role, and the template passed as empty: %v", unreadable)
		}
	}
}

func TestWhatIsHarmlessIsNotCalledUnreadable(t *testing.T) {
	w, unreadable := read(t, resources(`"M": {"Type": "AWS::CDK::Metadata", "Condition": "C", "Properties": {"Analytics": "v2"}}`,
		`"N": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "n", "PermissionsBoundary": {"Ref": "AWS::NoValue"}, "Policies": {"Ref": "AWS::NoValue"}, "ManagedPolicyArns": {"Ref": "AWS::NoValue"}, "MaxSessionDuration": {"Ref": "AWS::NoValue"}, "AssumeRolePolicyDocument": `+nobody+`}}`))
	for _, u := range unreadable {
		t.Errorf("noise hides faults: %s", u)
	}
	if len(w.Roles) != 2 {
		t.Errorf("%d roles were read, want 2", len(w.Roles))
	}
}

func TestAttachedPoliciesBecomeTheRoles(t *testing.T) {
	quoted, _ := json.Marshal(statement)
	for name, written := range map[string]string{
		"inline":                   ``,
		"AWS::IAM::Policy":         `"P": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "p", "Roles": [{"Ref": "R"}], "PolicyDocument": ` + statement + `}}`,
		"AWS::IAM::Policy by name": `"P": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "p", "Roles": ["r"], "PolicyDocument": ` + statement + `}}`,
		"AWS::IAM::RolePolicy":     `"P": {"Type": "AWS::IAM::RolePolicy", "Properties": {"PolicyName": "p", "RoleName": {"Ref": "R"}, "PolicyDocument": ` + statement + `}}`,
		"AWS::IAM::ManagedPolicy":  `"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": "p", "Roles": [{"Ref": "R"}], "PolicyDocument": ` + statement + `}}`,
		"a policy as text":         `"P": {"Type": "AWS::IAM::RolePolicy", "Properties": {"PolicyName": "p", "RoleName": "r", "PolicyDocument": ` + string(quoted) + `}}`,
		"a policy as built text":   `"P": {"Type": "AWS::IAM::RolePolicy", "Properties": {"PolicyName": "p", "RoleName": "r", "PolicyDocument": {"Fn::Sub": ` + strings.ReplaceAll(string(quoted), "arn:aws:", "arn:${AWS::Partition}:") + `}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			template := resources(written)
			if written == "" {
				template = strings.Replace(resources(), `"RoleName": "r",`, `"RoleName": "r", "Policies": [{"PolicyName": "p", "PolicyDocument": `+statement+`}],`, 1)
			}
			w, unreadable := read(t, template)
			want := iam.Of("arn:aws:s3:::b/*")
			if len(unreadable) > 0 || len(w.Roles) != 1 || len(w.Roles[0].Policy.Statements) != 1 || w.Roles[0].Policy.Statements[0].Resources.Of[0] != want.Of[0] {
				t.Errorf("the role can do something that the world does not show: %v %v", w.Roles, unreadable)
			}
		})
	}
}

func TestAManagedPolicyIsJoinedWhereItIsReadAndNamedWhereItIsNot(t *testing.T) {
	w, unreadable := read(t, `{"Resources": {
	  "P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": "p", "PolicyDocument": `+statement+`}},
	  "R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "MaxSessionDuration": "7200", "AssumeRolePolicyDocument": `+nobody+`, "PermissionsBoundary": {"Ref": "P"}, "ManagedPolicyArns": [{"Ref": "P"}, "arn:aws:iam::aws:policy/ReadOnlyAccess"]}}}}`)
	if len(unreadable) > 0 {
		t.Fatal(unreadable)
	}
	r := w.Roles[0]
	if len(r.Policy.Statements) != 1 || !slices.Equal(r.Managed, []iam.ARN{"arn:aws:iam::aws:policy/ReadOnlyAccess"}) {
		t.Errorf("what the role can do is not all there: %v and %v", r.Policy.Statements, r.Managed)
	}
	if r.Boundary != "arn:aws:iam::111111111111:policy/p" || r.Session != 2*time.Hour {
		t.Errorf("boundary %s, session %s", r.Boundary, r.Session)
	}
}

func TestAResourcePolicyHangsOnWhatItNames(t *testing.T) {
	for name, c := range map[string]struct{ written, arn, kind string }{
		"a bucket's": {`"X": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "B"}, "PolicyDocument": ` + statement + `}}, "B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "b"}}`, "arn:aws:s3:::b", "AWS::S3::Bucket"},
		"a table's":  {`"X": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "t", "ResourcePolicy": {"PolicyDocument": ` + statement + `}}}`, "arn:aws:dynamodb:us-east-1:111111111111:table/t", "AWS::DynamoDB::Table"},
		"a key's":    {`"X": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": ` + statement + `}}`, "arn:aws:kms:us-east-1:111111111111:key/<s.X>", "AWS::KMS::Key"},
		"an endpoint's": {`"X": {"Type": "AWS::BedrockAgentCore::ResourcePolicy", "Properties": {"ResourceArn": {"Fn::GetAtt": ["E", "AgentRuntimeEndpointArn"]}, "Policy": ` + statement + `}}, "E": {"Type": "AWS::BedrockAgentCore::RuntimeEndpoint", "Properties": {"AgentRuntimeId": "r-1", "Name": "stable"}}`,
			"arn:aws:bedrock-agentcore:us-east-1:111111111111:runtime/r-1/runtime-endpoint/stable", "AWS::BedrockAgentCore::RuntimeEndpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			w, unreadable := read(t, resources(c.written))
			if len(unreadable) > 0 || len(w.Policies) != 1 || string(w.Policies[0].ARN) != c.arn || w.Policies[0].Kind != c.kind || w.Policies[0].Account != account {
				t.Errorf("the policy hangs on something else: %+v %v", w.Policies, unreadable)
			}
		})
	}
}

func stack(t testing.TB, name, account, region, template string) assembly.Stack {
	t.Helper()
	s, err := assembly.Parse([]byte(template), name, account, region)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnImportFindsTheExportOfItsOwnAccountAndRegion(t *testing.T) {
	importer := withResource(`{"Fn::ImportValue": {"Fn::Sub": "${Stage}:bucket"}}`)
	exporter := func(value string) string {
		return `{"Outputs": {"O": {"Value": "` + value + `", "Export": {"Name": {"Fn::Join": [":", ["prod", "bucket"]]}}}}}`
	}
	here, there := stack(t, "here", account, region, exporter("arn:aws:s3:::here")), stack(t, "there", "222222222222", region, exporter("arn:aws:s3:::there"))
	elsewhere := stack(t, "elsewhere", account, "eu-west-1", exporter("arn:aws:s3:::elsewhere"))
	w, unreadable := assembly.World([]assembly.Stack{elsewhere, there, here, stack(t, "s", account, region, importer)})
	if len(unreadable) > 0 || w.Roles[0].Policy.Statements[0].Resources.Of[0] != "arn:aws:s3:::here" {
		t.Errorf("the import took another account's or region's export: %v %v", w.Roles, unreadable)
	}
	_, unreadable = assembly.World([]assembly.Stack{elsewhere, there, stack(t, "s", account, region, importer)})
	if len(unreadable) != 1 {
		t.Errorf("an import that nothing here exports was answered: %v", unreadable)
	}
}

func TestARoleOfTheSameNameInAnotherAccountGetsNothing(t *testing.T) {
	policy := `{"Resources": {"P": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": ["r"], "PolicyDocument": ` + statement + `}}}}`
	w, unreadable := assembly.World([]assembly.Stack{stack(t, "a", "222222222222", region, resources()), stack(t, "b", account, region, policy)})
	if len(w.Roles[0].Policy.Statements) > 0 || len(unreadable) != 1 {
		t.Errorf("a policy of one account was given to a role of another: %v %v", w.Roles, unreadable)
	}
}

func TestPartitionsFollowTheRegion(t *testing.T) {
	for region, want := range map[string]string{"cn-north-1": "arn:aws-cn:iam::111111111111:role/r", "us-gov-west-1": "arn:aws-us-gov:iam::111111111111:role/r", "eu-west-1": "arn:aws:iam::111111111111:role/r"} {
		w, _ := assembly.World([]assembly.Stack{stack(t, "s", account, region, resources())})
		if string(w.Roles[0].ARN) != want {
			t.Errorf("%s: %s, want %s", region, w.Roles[0].ARN, want)
		}
	}
}

func assemblyOf(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func artifact(kind, properties string) string {
	return `{"artifacts": {"s": {"type": "` + kind + `", "environment": "aws://111111111111/us-east-1", "properties": ` + properties + `}}}`
}

func TestANestedAssemblyIsReadWhole(t *testing.T) {
	w, unreadable, err := assembly.Read(assemblyOf(map[string]string{
		"manifest.json":       artifact("cdk:cloud-assembly", `{"directoryName": "stage"}`),
		"stage/manifest.json": artifact("aws:cloudformation:stack", `{"templateFile": "t.json"}`),
		"stage/t.json":        resources(),
	}))
	if err != nil || len(unreadable) > 0 || len(w.Roles) != 1 || w.Roles[0].From.File != "stage/t.json" {
		t.Errorf("the stage's roles are not in the world: %v %v %v", w.Roles, unreadable, err)
	}
}

func TestAnAssemblyThatIsNotWholeIsAnErrorThatNamesTheFile(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing":                       {nil, "manifest.json"},
		"a manifest that is no JSON":    {map[string]string{"manifest.json": "{"}, "manifest.json"},
		"a template that is missing":    {map[string]string{"manifest.json": artifact("aws:cloudformation:stack", `{"templateFile": "gone.json"}`)}, "gone.json"},
		"a template that is no JSON":    {map[string]string{"manifest.json": artifact("aws:cloudformation:stack", `{"templateFile": "t.json"}`), "t.json": "Resources:"}, "t.json"},
		"a template of another shape":   {map[string]string{"manifest.json": artifact("aws:cloudformation:stack", `{"templateFile": "t.json"}`), "t.json": `{"Resources": []}`}, "t.json"},
		"a template outside":            {map[string]string{"manifest.json": artifact("aws:cloudformation:stack", `{"templateFile": "../../etc/passwd"}`)}, "../../etc/passwd"},
		"an assembly outside":           {map[string]string{"manifest.json": artifact("cdk:cloud-assembly", `{"directoryName": ".."}`)}, "../manifest.json"},
		"an assembly that is missing":   {map[string]string{"manifest.json": artifact("cdk:cloud-assembly", `{"directoryName": "gone"}`)}, "gone/manifest.json"},
		"an assembly inside itself":     {map[string]string{"manifest.json": artifact("cdk:cloud-assembly", `{"directoryName": "."}`)}, "nested more than 8 deep"},
		"a template larger than any":    {map[string]string{"manifest.json": artifact("aws:cloudformation:stack", `{"templateFile": "t.json"}`), "t.json": `{"x": "` + strings.Repeat("x", assembly.MaxTemplate) + `"}`}, "larger than"},
		"a template deeper than any":    {map[string]string{"manifest.json": artifact("aws:cloudformation:stack", `{"templateFile": "t.json"}`), "t.json": strings.Repeat("[", 100_000)}, "t.json"},
		"a template that names no file": {map[string]string{"manifest.json": artifact("aws:cloudformation:stack", `{}`)}, "."},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, err := assembly.Read(assemblyOf(c.files))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("half an assembly would pass for a whole one: error %v, want one about %s", err, c.want)
			}
			if len(w.Roles) > 0 {
				t.Errorf("and %d roles were returned beside the error", len(w.Roles))
			}
		})
	}
}

func TestAFileOutsideADirectoryIsNotRead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"secret.json": resources(), "out/manifest.json": artifact("aws:cloudformation:stack", `{"templateFile": "../secret.json"}`)} {
		if err := os.MkdirAll(dir+"/out", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if w, _, err := assembly.Read(os.DirFS(dir + "/out")); err == nil || len(w.Roles) > 0 {
		t.Errorf("a manifest reads files outside its assembly: %v", w.Roles)
	}
}

func TestAStackForAnyAccountPassesForNobodys(t *testing.T) {
	for _, environment := range []string{"", "aws://unknown-account/unknown-region"} {
		w, _, err := assembly.Read(assemblyOf(map[string]string{
			"manifest.json": `{"artifacts": {"s": {"type": "aws:cloudformation:stack", "environment": "` + environment + `", "properties": {"templateFile": "t.json"}}}}`,
			"t.json":        resources(),
		}))
		if err != nil || w.Roles[0].ARN.Account() != "<account>" {
			t.Errorf("%q: it would be proved as account %v: %v", environment, w.Roles, err)
		}
	}
}

func TestATemplateOfAHundredThousandStatementsIsReadInSeconds(t *testing.T) {
	var out strings.Builder
	out.WriteString(`{"Resources": {`)
	for i := range 200 {
		fmt.Fprintf(&out, `"R%d": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r%d", "AssumeRolePolicyDocument": %s, "Policies": [{"PolicyDocument": {"Version": "2012-10-17", "Statement": [`, i, i, nobody)
		for j := range 250 {
			fmt.Fprintf(&out, `{"Effect":"Allow","Action":"a:B","Resource":"%d"},`, j)
		}
		fmt.Fprintf(&out, `{"Effect":"Allow","Action":"a:B","Resource":"x"}]}}]}}, "P%d": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": [{"Ref": "R%d"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [`, i, i)
		for j := range 250 {
			fmt.Fprintf(&out, `{"Effect":"Allow","Action":"a:C","Resource":"%d"},`, j)
		}
		out.WriteString(`{"Effect":"Allow","Action":"a:C","Resource":"y"}]}}},`)
	}
	template := strings.TrimSuffix(out.String(), ",") + "}}"
	begun := time.Now()
	w, unreadable := read(t, template)
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s; a review would wait for it", took)
	}
	n := 0
	for _, r := range w.Roles {
		n += len(r.Policy.Statements)
	}
	if n != 200*502 || len(unreadable) > 0 {
		t.Errorf("%d statements were read, want %d; %d unreadable", n, 200*502, len(unreadable))
	}
}

func TestAFewNamesThatNameEachOtherDoNotGrowWithoutEnd(t *testing.T) {
	for name, word := range map[string]string{"doubling": "${N%d}${N%d}", "a long name, many times": ""} {
		var out strings.Builder
		out.WriteString(`{"Resources": {`)
		if word == "" {
			fmt.Fprintf(&out, `"Long": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "%s"}}, "N0": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "%s"}}},`, strings.Repeat("x", 1<<20), strings.Repeat("${Long}", 1<<16))
		}
		for i := range 40 {
			if word != "" {
				fmt.Fprintf(&out, `"N%d": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "`+word+`"}}},`, i, i+1, i+1)
			}
		}
		fmt.Fprintf(&out, `"N40": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "x"}}, "R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Ref": "N0"}, "AssumeRolePolicyDocument": %s}}}}`, nobody)
		begun := time.Now()
		_, unreadable := read(t, out.String())
		if took := time.Since(begun); len(unreadable) != 1 || took > 20*time.Second {
			t.Errorf("%s: a small template takes the reader's time or memory: %s, %v", name, took, unreadable)
		}
	}
}

func TestVariablesInsideVariablesDoNotTakeForever(t *testing.T) {
	value := `""`
	for range 40 {
		value = `{"Fn::Sub": ["${a}${a}", {"a": ` + value + `}]}`
	}
	begun := time.Now()
	_, unreadable := read(t, withResource(value))
	if took := time.Since(begun); len(unreadable) != 1 || took > 20*time.Second {
		t.Errorf("two kilobytes of template keep the reader for %s: %v", took, unreadable)
	}
}

func TestReadingTheSameTwiceSaysTheSame(t *testing.T) {
	template := resources(`"X": {"Type": "AWS::IAM::User", "Properties": {}}`, `"Y": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": ["q"], "PolicyDocument": `+statement+`}}`)
	w, u := read(t, template)
	for range 20 {
		again, v := read(t, template)
		if len(iam.Diff(w, again)) > 0 || !slices.Equal(u, v) {
			t.Fatalf("the order of a map shows in the answer, so two reviews differ: %v %v", u, v)
		}
	}
}

// FuzzTemplate: whatever the text, reading ends, panics never, and gives each IAM resource
// either to the world or to the list of what could not be read.
func FuzzTemplate(f *testing.F) {
	f.Add(resources())
	f.Add(withResource(`{"Fn::Sub": ["${A}${!b}", {"A": {"Ref": "B"}}]}`))
	f.Add(withResource(`{"Fn::Select": [0, {"Fn::Split": [",", {"Fn::ImportValue": "x"}]}]}`))
	f.Add(resources(`"P": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": [{"Ref": "R"}], "PolicyDocument": ` + statement + `}}`))
	f.Add(`{"Transform": "x", "Outputs": {"O": {"Value": {"Ref": "O"}, "Export": {"Name": {"Fn::Join": []}}}}, "Resources": {"K": {"Type": "AWS::KMS::Key"}}}`)
	f.Add(`{"Parameters": {"P": {"Type": "List<String>", "Default": "a,b"}}, "Mappings": {"M": {"a": {"b": {"Ref": "P"}}}}, "Resources": {"X": {"Type": "AWS::BedrockAgentCore::ResourcePolicy", "Properties": {"ResourceArn": {"Fn::FindInMap": ["M", "a", "b"]}, "Policy": "{}"}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := assembly.Parse([]byte(text), "s", account, region)
		if err != nil {
			return
		}
		w, unreadable := assembly.World([]assembly.Stack{s})
		told := map[string]bool{}
		for _, u := range unreadable {
			told[u.LogicalID] = true
		}
		roles := 0
		for _, id := range slices.Sorted(maps.Keys(s.Template.Resources)) {
			if r := s.Template.Resources[id]; r.Type == "AWS::IAM::Role" && !told[id] {
				roles++
			} else if strings.HasPrefix(r.Type, "AWS::IAM::") && r.Type != "AWS::IAM::Role" && r.Type != "AWS::IAM::ManagedPolicy" && r.Type != "AWS::IAM::Policy" && r.Type != "AWS::IAM::RolePolicy" && !told[id] {
				t.Errorf("%s, a %s, is neither read nor told", id, r.Type)
			}
		}
		if roles != len(w.Roles) {
			t.Errorf("%d roles are written and not told of, and %d were read", roles, len(w.Roles))
		}
	})
}

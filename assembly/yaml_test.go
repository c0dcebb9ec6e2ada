package assembly_test

import (
	"strings"
	"testing"

	"remit/assembly"
)

func TestATemplateInYAMLIsTheSameTemplate(t *testing.T) {
	s, err := assembly.Parse([]byte(`
Parameters: {Stage: {Type: String, Default: "0123"}}
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub "r-${Stage}"
      AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: []}
      Policies:
        - PolicyName: p
          PolicyDocument:
            Version: "2012-10-17"
            Statement: {Effect: Allow, Action: s3:GetObject, Resource: !Join ["", [!GetAtt B.Arn, "/*"]]}
  B: {Type: AWS::S3::Bucket, Properties: {BucketName: b}}
`), "s", "111111111111", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	w, unreadable := assembly.World([]assembly.Stack{s})
	if len(unreadable) > 0 || len(w.Roles) != 1 {
		t.Fatalf("the role is lost: %v", unreadable)
	}
	if r := w.Roles[0]; r.ARN != "arn:aws:iam::111111111111:role/r-0123" || r.Policy.Statements[0].Resources.Of[0] != "arn:aws:s3:::b/*" {
		t.Errorf("YAML says something else than its JSON: %+v", r)
	}
}

func TestBadYAMLIsAnErrorWithItsLine(t *testing.T) {
	for _, text := range []string{"", "a: [", "a: 1\na: 2", "? [x]\n: 1", "&a [*a]"} {
		if _, err := assembly.Parse([]byte(text), "s", "111111111111", "us-east-1"); err == nil {
			t.Errorf("%q was read as a template", text)
		}
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'l'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ",") + "]\n"
	}
	if _, err := assembly.Parse([]byte(bomb), "s", "111111111111", "us-east-1"); err == nil {
		t.Error("a few lines that multiply were read without end")
	}
}

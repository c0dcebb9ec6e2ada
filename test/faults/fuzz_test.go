package faults

import (
	"testing"

	"remit/assembly"
	"remit/verify"
)

// FuzzVerify reads and judges any text: it may not panic, and what was not read whole may not be
// called clean.
func FuzzVerify(f *testing.F) {
	for _, text := range []string{
		`{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"}]}}}}}`,
		`{"Resources": {"K": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": [{"Effect": "Deny", "NotPrincipal": {"AWS": "1"}, "NotAction": "kms:*", "Resource": "*"}]}}}}}`,
		`{"Resources": {"G": {"Type": "AWS::BedrockAgentCore::Gateway", "Properties": {"PolicyEngineConfiguration": {"Fn::If": ["C", 1, 2]}}}}}`,
		"Resources:\n  X: {Type: AWS::CloudFormation::Stack}\n",
		`{"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "A"}}}}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := assembly.Parse([]byte(text), "s", "111111111111", "us-east-1")
		if err != nil {
			return
		}
		w, unreadable := assembly.World([]assembly.Stack{s})
		c := verify.Case{World: w, Today: today}
		for _, u := range unreadable {
			c.Unreadable = append(c.Unreadable, verify.Unreadable(u))
		}
		report := verify.Judge(c)
		if len(unreadable) > 0 && report.Clean() {
			t.Errorf("a template with an unreadable part was called proved: %v", unreadable[0])
		}
		if verify.Compare(w, w) == nil && len(w.Roles) > 0 {
			t.Error("a world with roles compares as if it held none")
		}
		report.SARIF("1")
	})
}

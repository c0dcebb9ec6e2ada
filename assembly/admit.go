package assembly

import (
	"fmt"
	"strings"

	"remit/iam"
	"remit/terms"
)

// Some resources open another one without writing a document for it, or write one for
// several at a time. Here they become the documents that AWS makes of them.

// permission is a Lambda function's: one statement of the function's resource policy
// (Lambda API, AddPermission).
func (r *reader) permission(s Stack, id string, resource Resource) error {
	sc := r.scope(s)
	words := map[string]string{}
	for _, property := range []string{"FunctionName", "Action", "Principal", "SourceArn", "SourceAccount", "PrincipalOrgID", "FunctionUrlAuthType", "InvokedViaFunctionUrl", "EventSourceToken"} {
		word, err := sc.text(resource, property)
		if err != nil {
			return err
		}
		words[property] = word
	}
	if words["FunctionName"] == "" || words["Principal"] == "" {
		return fmt.Errorf("this type can grant access, and names no function or no principal")
	}
	on := sc.functionARN(words["FunctionName"])
	statement := iam.Statement{
		Sid: strings.Map(alphanumeric, id), Effect: iam.Allow, Principals: principalOf(words["Principal"], sc.partition()),
		Actions: iam.Of(words["Action"]), Resources: iam.Of(on), When: permitted(words),
	}
	r.world.Policies = append(r.world.Policies, iam.Policy{ARN: iam.ARN(on), Kind: "AWS::Lambda::Function", Document: iam.Doc(statement), Account: s.Account, From: terms.Pos{File: s.Path}})
	return nil
}

func permitted(words map[string]string) []iam.Condition {
	var when []iam.Condition
	for _, c := range []struct{ property, op, key string }{
		{"SourceArn", "ArnLike", "aws:SourceArn"}, {"SourceAccount", "StringEquals", "aws:SourceAccount"}, {"PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"},
		{"FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"}, {"InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"}, {"EventSourceToken", "StringEquals", "lambda:EventSourceToken"},
	} {
		if words[c.property] != "" {
			when = append(when, iam.When(c.op, c.key, words[c.property]))
		}
	}
	return when
}

func alphanumeric(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
		return r
	}
	return -1
}

func (s scope) functionARN(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", s.partition(), s.Region, s.Account, name)
}

// principalOf reads the one word of a permission: a service, an account, an ARN or anyone.
func principalOf(word, partition string) iam.Principals {
	switch {
	case word == "*" || strings.HasPrefix(word, "arn:"):
		return iam.Principals{AWS: []string{word}}
	case strings.Contains(word, ".amazonaws.com"):
		return iam.Principals{Service: []string{word}}
	}
	return iam.Principals{AWS: []string{"arn:" + partition + ":iam::" + word + ":root"}}
}

// shared says where a type that opens several resources at once names them.
type shared struct{ document, on, kind string }

var sharedPolicies = map[string]shared{
	"AWS::SQS::QueuePolicy": {"PolicyDocument", "Queues", "AWS::SQS::Queue"},
	"AWS::SNS::TopicPolicy": {"PolicyDocument", "Topics", "AWS::SNS::Topic"},
}

func (r *reader) sharedPolicy(s Stack, resource Resource, of shared) error {
	sc := r.scope(s)
	document, err := sc.document(resource.Properties[of.document])
	if err != nil {
		return err
	}
	names, err := sc.items(resource.Properties[of.on])
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("this type can grant access, and names nothing that it opens")
	}
	for _, item := range names {
		name, err := plainText(item)
		if err != nil {
			return err
		}
		if of.kind == "AWS::SQS::Queue" && !strings.HasPrefix(name, "arn:") {
			name = fmt.Sprintf("arn:%s:sqs:%s:%s:%s", sc.partition(), s.Region, s.Account, name[strings.LastIndex(name, "/")+1:]) // a queue is named by URL
		}
		r.world.Policies = append(r.world.Policies, iam.Policy{ARN: iam.ARN(name), Kind: of.kind, Document: document, Account: s.Account, From: terms.Pos{File: s.Path}})
	}
	return nil
}

// logsPolicy opens log groups to services; its document is text.
func (r *reader) logsPolicy(s Stack, resource Resource) error {
	sc := r.scope(s)
	document, err := sc.document(resource.Properties["PolicyDocument"])
	if err != nil {
		return err
	}
	name, err := sc.text(resource, "PolicyName")
	if err != nil {
		return err
	}
	arn := fmt.Sprintf("arn:%s:logs:%s:%s:<resource-policy>/%s", sc.partition(), s.Region, s.Account, name)
	r.world.Policies = append(r.world.Policies, iam.Policy{ARN: iam.ARN(arn), Kind: "AWS::Logs::ResourcePolicy", Document: document, Account: s.Account, From: terms.Pos{File: s.Path}})
	return nil
}
